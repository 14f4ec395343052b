"""Photos as training samples: crops that are degraded on the fly, by other plans in every epoch.

The plan of a sample is drawn by the code that plans pairs, from a hash of seed, epoch, photo and
number. So it does not depend on workers, devices or restarts, and can be told again.
"""

from __future__ import annotations

import functools
import hashlib
import itertools
import json
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from degrade.arrays import U8Array
from degrade.degradation import DegradationConfig, DegradationPlan, plan_degradation
from degrade.degradation.steps import Blur
from degrade.errors import InvalidValueError
from degrade.geometry import whole_scale
from degrade.images.decoded_photos import DecodedPhoto, DecodedPhotos
from degrade.kernels import crop_or_pad_kernel
from degrade.pool import DegradationPool
from esrgan.data.pool_sources import SampleChance
from esrgan.data.samples import PlannedBatch, check_hr_patch, turned
from esrgan.data.step_sampler import SampleKey
from esrgan.degrading import BatchInputs, apply_plans
from esrgan.losses import dihedral_kernels
from esrgan.losses.cycle import interior

__all__ = ["PhotoDataset"]

# Changes with everything that decides which samples a seed gives, besides what the user sets.
_STREAM = 1

_PIXELS_A_SAMPLE = 512**2
"""A photo gives an epoch a sample for each so many pixels, as pairs of the usual size would."""


class _KeptKernels:
    """A pool that remembers the kernels it was asked for."""

    def __init__(self, pool: DegradationPool) -> None:
        self.pool = pool
        self.read_kernel = functools.lru_cache(maxsize=1024)(pool.read_kernel)
        self.read_residual_crop = pool.read_residual_crop

    def __reduce__(self) -> tuple[object, ...]:
        return _KeptKernels, (self.pool,)


class PhotoDataset(Dataset[tuple[Tensor, Tensor]]):
    """LR/HR training samples from clean photos and a pool.

    Parameters
    ----------
    store : DecodedPhotos
    photos : sequence of DecodedPhoto
        Of ``store``. Those that are smaller than an HR patch are left out: see :meth:`rejects`.
    pool : DegradationPool
    degradation : DegradationConfig
        Nothing is left to training; photos are stored as its clean-up has made them.
    hr_patch : int
        Side of the HR crop, a multiple of the scale.
    seed : int
        Of the crops, turns and plans.
    augment : bool
        Flip and rotate, as the samples of pairs: after the degradation.
    kernels : bool
        Whether :meth:`read_kernels` is going to be used.

    Raises
    ------
    InvalidValueError
        ``hr_patch`` does not fit the scale or the kernels, no photo is large enough, the pool lacks
        what plans draw from, or kernels are asked for and a plan may have none of the pool.
    """

    def __init__(
        self,
        store: DecodedPhotos,
        photos: Sequence[DecodedPhoto],
        pool: DegradationPool,
        degradation: DegradationConfig,
        *,
        hr_patch: int,
        seed: int,
        augment: bool = True,
        kernels: bool = False,
    ) -> None:
        self._store, self._config = store, degradation
        self.scale = whole_scale(degradation.scale, "the networks enlarge by whole numbers")
        self.seed = seed
        check_hr_patch(hr_patch, self.scale)
        self._hr_patch, self._augment = hr_patch, augment
        in_order = sorted(photos, key=lambda photo: photo.sha256)
        self._photos = [photo for photo in in_order if self._fits(photo)]
        self._too_small = [photo for photo in in_order if not self._fits(photo)]
        if not self._photos:
            raise InvalidValueError(
                f"none of {len(in_order)} photos is as large as an HR patch of {hr_patch}; use a "
                "smaller `hr_patch`"
            )
        counts = [-(-photo.height * photo.width // _PIXELS_A_SAMPLE) for photo in self._photos]
        self._ends = list(itertools.accumulate(counts))
        self._pool = _KeptKernels(pool)
        self._index = pool.index(self.scale, degradation.measured_kinds)
        self._kernel_side = self._widest_kernel() if kernels else 0
        self.read_plan((0, 0))  # says what the pool lacks

    def _fits(self, photo: DecodedPhoto) -> bool:
        return min(photo.height, photo.width) >= self._hr_patch

    def _widest_kernel(self) -> int:
        """Return the side of the largest kernel, once all samples are sure to have one."""
        others = {e.kind for e in self._config.entries if e.step.reads_hr} - {Blur.kind}
        if others:
            raise InvalidValueError(
                f"the cycle loss needs kernels of the pool, and the recipe's {min(others)} has "
                "none: use `cycle_weight=0`"
            )
        index = self._index
        ids = (*index.kernel_ids, *index.matched_ids, *index.moved.values())
        side = max(self._pool.read_kernel(each).size for each in ids)
        interior(self._hr_patch, side + 2 * (self.scale - 1), self.scale)
        return side

    @property
    def has_kernels(self) -> bool:
        """Whether it was made with kernels."""
        return self._kernel_side > 0

    @property
    def fingerprint(self) -> str:
        """Of the photos, the pool and the recipe: equal ones give equal samples."""
        content: list[Any] = [[p.sha256, p.height, p.width, p.decoding] for p in self._photos]
        content += [
            self._pool.pool.digest(self.scale, self._config.measured_kinds),
            self._config.recipe.to_json(),
            [self._hr_patch, self.scale, self._augment, self._kernel_side, "photos", _STREAM],
        ]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def rejects(self) -> list[tuple[str, str]]:
        """Return the paths of photos that are smaller than an HR patch, and why."""
        halved = " after its clean-up by ½" if self._config.clean_up == 2 else ""
        why = f"{{0.width}}×{{0.height}}{halved} is smaller than an HR patch"
        return [(photo.path, why.format(photo)) for photo in self._too_small]

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, key: SampleKey) -> tuple[Tensor, Tensor]:
        lr_BHWC, hr_BHWC = self.read_batch([key])
        return lr_BHWC[0].permute(2, 0, 1).contiguous(), hr_BHWC[0].permute(2, 0, 1).contiguous()

    def read_plan(self, key: SampleKey) -> DegradationPlan:
        """Return the plan of a sample, before its turn; IndexError outside the dataset.

        With the pool and the photo, it gives the sample's crops byte for byte.
        """
        return self._draw(*key)[0]

    def _draw(self, epoch: int, index: int) -> tuple[DegradationPlan, int, DecodedPhoto]:
        """Return a sample's plan, its turn and its photo."""
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is outside 0…{len(self) - 1}")
        row = bisect_right(self._ends, index)
        photo, number = self._photos[row], index - ([0, *self._ends][row])
        # The photo's content, not the index: photos that come or go leave the others' crops alone.
        key = f"{photo.sha256[:24]}_{number:04d}"
        chance = SampleChance(self.seed, epoch, key)
        top = chance.integers(photo.height - self._hr_patch + 1)
        left = chance.integers(photo.width - self._hr_patch + 1)
        turn = chance.integers(8) if self._augment else 0
        box = (top, left, self._hr_patch, self._hr_patch)
        config = self._config
        plan = plan_degradation(key, photo.sha256, box, self._index, config, rng=chance)
        return plan, turn, photo

    def read_near_flagged(self, keys: Sequence[SampleKey]) -> None:
        """Return None: in HR nothing was flagged."""

    def read_planned(self, keys: Sequence[SampleKey]) -> tuple[U8Array, PlannedBatch]:
        """Draw the plans of a batch and read what they are applied to.

        Returns
        -------
        windows_BHWC : (B, H + 2 · margin, W + 2 · margin, 3) uint8 array
            HR patches with the pixels around them.
        planned : PlannedBatch

        Raises
        ------
        IndexError
            A key is outside the dataset.
        CorruptDataError
            A stored photo, or what is in the pool, is damaged.
        """
        drawn = [self._draw(*key) for key in keys]
        margin = max(plan.reach(self._pool) for plan, _, _ in drawn)
        windows = [self._store.read_window(photo, plan.hr_box, margin) for plan, _, photo in drawn]
        plans = tuple(plan.steps for plan, _, _ in drawn)
        return np.stack(windows), PlannedBatch(margin, plans, tuple(turn for _, turn, _ in drawn))

    def degrade(self, planned: PlannedBatch, windows_BHWC: Tensor) -> tuple[Tensor, Tensor]:
        """Make LR and HR of a planned batch on the device where its windows are.

        Parameters
        ----------
        planned : PlannedBatch
        windows_BHWC : (B, H + 2 · margin, W + 2 · margin, 3) uint8 tensor
            What was read with ``planned``.

        Returns
        -------
        lr_BHWC, hr_BHWC : (B, h, w, 3) uint8 tensors
        """
        given = BatchInputs(self._pool, windows_BHWC, planned.margin, self.scale)
        lr_BHWC = apply_plans(planned.plans, given)
        inner = slice(planned.margin, planned.margin + self._hr_patch)
        hr_BHWC = windows_BHWC[:, inner, inner]
        return turned(lr_BHWC, planned.turns), turned(hr_BHWC, planned.turns)

    def read_batch(self, keys: Sequence[SampleKey]) -> tuple[Tensor, Tensor]:
        """Return a batch of samples, each as it is alone; errors as :meth:`read_planned`.

        Parameters
        ----------
        keys : sequence of (epoch, index)

        Returns
        -------
        lr_BHWC, hr_BHWC : (B, h, w, 3) uint8 tensors
            RGB, in the order of ``keys``.
        """
        windows_BHWC, planned = self.read_planned(keys)
        return self.degrade(planned, torch.from_numpy(windows_BHWC))

    def read_kernels(self, keys: Sequence[SampleKey]) -> Tensor:
        """Return the kernels of samples, turned as they are: (B, K, K) float32.

        Raises
        ------
        InvalidValueError
            The dataset was made without kernels.
        """
        if not self.has_kernels:
            raise InvalidValueError("the dataset was made without kernels; give kernels=True")
        drawn = [self._draw(*key) for key in keys]
        blurs = [step for plan, _, _ in drawn for step in plan.steps if isinstance(step, Blur)]
        kernels = [blur.read_kernel(self._pool).weights for blur in blurs]
        stack = np.stack([crop_or_pad_kernel(each, self._kernel_side) for each in kernels])
        turns = [turn for _, turn, _ in drawn]
        return dihedral_kernels(torch.from_numpy(stack.astype(np.float32)), turns, self.scale)
