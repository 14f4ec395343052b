"""Pairs as training samples: aligned crops, flips and rotations, and noise where it was deferred.

Every sample is a pure function of (seed, epoch, index). Which worker makes it, how many there
are, and whether the run was interrupted in between does not change a byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from degrade.arrays import U8Array
from degrade.degradation import DegradationPlan, Entry
from degrade.degradation.recipe import kinds_drawn_from
from degrade.errors import InvalidValueError, printable
from degrade.geometry import border_of
from degrade.pairs import PairReader, open_pairs
from esrgan.data.pool_sources import KernelSource, NoiseSource, SampleChance
from esrgan.data.samples import PlannedBatch, check_hr_patch, turn_into
from esrgan.data.step_sampler import SampleKey
from esrgan.losses import dihedral_kernels

__all__ = [
    "KernelSource",
    "NoiseSource",
    "PairDataset",
    "SampleChance",
    "to_float",
]


# Changes with everything that decides which samples a seed gives, besides what the user sets.
_STREAM = 2


class PairDataset(Dataset[tuple[Tensor, Tensor]]):
    """LR/HR training samples from a folder of pairs in any format.

    Parameters
    ----------
    folder : Path
        What ``degrade build-pairs`` wrote.
    hr_patch : int
        Side of the HR crop, a multiple of the scale. Pairs that are smaller are left out; their
        keys are in ``too_small``.
    seed : int
        Of the crops, flips, rotations and noise.
    augment : bool
        Flip and rotate.
    pool : Path or None
        Where the noise is drawn from when the run deferred it, and where the kernels are; None: the
        pool that the pairs were built with. Not opened otherwise.
    kernels : bool
        Whether :meth:`read_kernels` is going to be used.

    Raises
    ------
    InvalidValueError
        ``hr_patch`` does not fit the scale or the kernels, or no pair is large enough.
    DegradeError
        The folder holds no finished pairs; the noise is deferred and the pool cannot be read or
        holds none; or kernels are asked for and are not known or not in the pool.

    Notes
    -----
    ``dataset[index]`` is a sample of the epoch that was set by :meth:`set_epoch`;
    ``dataset[epoch, index]`` one of any epoch. Both are (lr_CHW, hr_CHW) uint8 RGB tensors. Whole
    batches are cheaper: :meth:`read_batch` and, on the device, :func:`to_float`; a ``DataLoader``
    that collates samples itself asks for them a batch at a time too. The dataset can be pickled;
    files are opened by each process when first needed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        hr_patch: int,
        seed: int,
        augment: bool = True,
        pool: Path | None = None,
        kernels: bool = False,
    ) -> None:
        self._reader = open_pairs(folder)
        self.scale = _whole_scale(self._reader)
        check_hr_patch(hr_patch, self.scale)
        self.lr_patch = hr_patch // self.scale
        self.seed = seed
        self.augment = augment
        self._epoch = 0
        fits = [min(record.lr_shape[:2]) >= self.lr_patch for record in self._reader.records]
        self._rows = [row for row, fit in enumerate(fits) if fit]
        self.too_small = tuple(
            record.key for record, fit in zip(self._reader.records, fits, strict=True) if not fit
        )
        if not self._rows:
            raise InvalidValueError(
                f"{printable(folder)}: none of its {len(fits)} pairs is as large as an HR patch of "
                f"{hr_patch}; use a smaller `hr_patch`"
            )
        self.noise = NoiseSource.of_run(self._reader.run, folder, pool, self.scale)
        self.kernels: KernelSource | None = None
        if kernels:
            records = [self._reader.records[row] for row in self._rows]
            self.kernels = KernelSource.of_pairs(records, self._reader.run, folder, pool)
            self.kernels.check_patch(hr_patch, self.scale)

    @property
    def has_kernels(self) -> bool:
        """Whether it was made with kernels."""
        return self.kernels is not None

    def rejects(self) -> list[tuple[str, str]]:
        """Return the names of pairs that are smaller than an HR patch, and why."""
        where = self._reader.folder
        return [(f"{where}/{key}", "smaller than an HR patch") for key in self.too_small]

    def read_near_flagged(self, keys: Sequence[SampleKey]) -> None:
        """Return None: in HR nothing was flagged."""

    def read_planned(self, keys: Sequence[SampleKey]) -> tuple[U8Array, PlannedBatch] | None:
        """Return None: LR is stored."""
        return None

    def degrade(self, planned: PlannedBatch, windows_BHWC: Tensor) -> tuple[Tensor, Tensor]:
        """Refuse: LR is stored."""
        raise InvalidValueError("pairs are degraded already")

    @property
    def fingerprint(self) -> str:
        """Of the pairs' bytes, the crop size and the noise: equal ones give equal samples."""
        records = self._reader.records
        content: list[Any] = [[records[row].key, records[row].crc32] for row in self._rows]
        noise = None
        if self.noise is not None:
            entries = self.noise.entries
            digest = self.noise.pool.digest(self.scale, kinds_drawn_from(entries))
            noise = [digest, *map(Entry.to_json, entries)]
        content += [self.lr_patch, self.scale, self.augment, noise, _STREAM]
        if self.kernels is not None:
            content.append(self.kernels.ids)
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def set_epoch(self, epoch: int) -> None:
        """Make ``dataset[index]`` a sample of another epoch.

        Call it before a ``DataLoader`` begins an epoch. Workers that outlive the epoch do not
        hear of it: with ``persistent_workers`` use :class:`StepSampler`.
        """
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, key: int | SampleKey) -> tuple[Tensor, Tensor]:
        lr_BHWC, hr_BHWC = self.read_batch([key])
        return lr_BHWC[0].permute(2, 0, 1).contiguous(), hr_BHWC[0].permute(2, 0, 1).contiguous()

    def __getitems__(self, keys: Sequence[int | SampleKey]) -> list[tuple[Tensor, Tensor]]:
        """Return samples as ``dataset[key]`` gives them, views of one batch."""
        lr_BHWC, hr_BHWC = self.read_batch(keys)
        return list(zip(lr_BHWC.permute(0, 3, 1, 2), hr_BHWC.permute(0, 3, 1, 2), strict=True))

    def read_batch(self, keys: Sequence[int | SampleKey]) -> tuple[Tensor, Tensor]:
        """Return a batch of samples, each as it is alone.

        Parameters
        ----------
        keys : sequence of int or (epoch, index)

        Returns
        -------
        lr_BHWC, hr_BHWC : (B, h, w, 3) uint8 tensors
            RGB, in the order of ``keys``.

        Raises
        ------
        IndexError
            A key is outside the dataset.
        CorruptDataError
            A pair is damaged; names file, row and key.
        """
        lr_size, hr_size = self.lr_patch, self.lr_patch * self.scale
        lr_BHWC = np.empty((len(keys), lr_size, lr_size, 3), np.uint8)
        hr_BHWC = np.empty((len(keys), hr_size, hr_size, 3), np.uint8)
        for number, key in enumerate(keys):
            epoch, index = key if isinstance(key, tuple) else (self._epoch, key)
            self._read_sample(epoch, index, lr_BHWC[number], hr_BHWC[number])
        return torch.from_numpy(lr_BHWC), torch.from_numpy(hr_BHWC)

    def read_kernels(self, keys: Sequence[SampleKey]) -> Tensor:
        """Return the kernels that the LR of these samples were made with, turned as they are.

        Parameters
        ----------
        keys : sequence of (epoch, index)

        Returns
        -------
        (B, K, K) float32 Tensor
            For :func:`esrgan.losses.cycle_loss`; of one size for the whole dataset.

        Raises
        ------
        InvalidValueError
            The dataset was made without kernels.
        """
        if self.kernels is None:
            raise InvalidValueError("the dataset was made without kernels; give kernels=True")
        kernels_BKK = self.kernels.weights_NKK[[self.kernels.numbers[index] for _, index in keys]]
        turns = [self._draw(epoch, index)[2] for epoch, index in keys]
        return dihedral_kernels(torch.from_numpy(kernels_BKK), turns, self.scale)

    def read_plan(self, key: SampleKey) -> DegradationPlan:
        """Return the whole plan of a sample whose noise was left to training, before its turn.

        With the pool and the photo, it gives the sample's crops byte for byte.

        Raises
        ------
        IndexError
            The key is outside the dataset.
        InvalidValueError
            Nothing was left to training, or the pair was imported.
        """
        top, left, _, chance = self._draw(*key)
        record = self._reader.records[self._rows[key[1]]]
        if self.noise is None or record.plan is None:
            raise InvalidValueError(f"{record.key}: no step of its plan was left to training")
        lr_box = (top, left, self.lr_patch, self.lr_patch)
        drawn = self.noise.draw(lr_box[2:], chance, record.plan)
        return record.plan.completed(lr_box, drawn)

    def _draw(self, epoch: int, index: int) -> tuple[int, int, int, SampleChance]:
        """Return top and left of a sample in LR pixels, its turn, and what else is to be drawn."""
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is outside 0…{len(self) - 1}")
        record = self._reader.records[self._rows[index]]
        # The pair's key, not the index: pairs that come or go do not change the crops of others.
        chance = SampleChance(self.seed, epoch, record.key)
        top = chance.integers(record.lr_shape[0] - self.lr_patch + 1)
        left = chance.integers(record.lr_shape[1] - self.lr_patch + 1)
        return top, left, chance.integers(8) if self.augment else 0, chance

    def _read_sample(self, epoch: int, index: int, lr_out: U8Array, hr_out: U8Array) -> None:
        """Write a sample into its place in a batch."""
        top, left, turn, chance = self._draw(epoch, index)
        lr, hr = self._reader.read_crop(self._rows[index], top, left, self.lr_patch)
        if self.noise is not None:
            plan = self._reader.records[self._rows[index]].plan
            lr = self.noise.apply(lr, self.noise.draw(lr.shape[:2], chance, plan))
        turn_into(lr_out, lr, turn)
        turn_into(hr_out, hr, turn)


def to_float(images_BHWC: Tensor, device: torch.device) -> Tensor:
    """Bring a batch to the networks: (B, h, w, 3) uint8 to (B, 3, h, w) float32 on [0, 1].

    Bytes travel, a quarter of what floats would be; they are converted on the device. In memory the
    colours of a pixel stay together (channels last), as the networks' weights do.
    """
    return images_BHWC.to(device, non_blocking=True).permute(0, 3, 1, 2).float().div_(255)


def _whole_scale(reader: PairReader) -> int:
    if not isinstance(reader.scale, int):
        raise InvalidValueError(
            f"{printable(reader.folder)}: its pairs are ×{reader.scale}, and the networks enlarge "
            f"by whole numbers; build pairs of `scale={border_of(reader.scale)}`, and shrink what "
            "is enlarged"
        )
    return reader.scale
