"""What a match compares: LR made in memory of clean photos, and the camera's photos."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.audit.closed_loop import Gain
from degrade.audit.comparison import Comparison, compare_sets
from degrade.audit.features import PhotoFeatures
from degrade.audit.gain_taps import taps_of_gain
from degrade.audit.matching import match_content
from degrade.audit.two_sample import LEAST_PAIRS
from degrade.degradation import DegradationConfig, Entry, Recipe
from degrade.degradation.index import MATCHED
from degrade.degradation.recipes import with_model_error
from degrade.degradation.steps import (
    AUTO,
    Blur,
    BlurSettings,
    ColourResponse,
    ColourResponseSettings,
    LinearLight,
)
from degrade.errors import DegradeError
from degrade.geometry import Scale
from degrade.kernels import BlurKernel
from degrade.pool import DegradationPool
from degrade.rng import rng_for
from pipelines.matching.hr_patches import PATCHES_A_PHOTO, HRPatches, measure_lr

__all__ = ["Bench", "Tail", "make_recipe", "training_recipe", "with_colours"]

Tail: TypeAlias = tuple[Entry, ...]
"""What follows the blur in a recipe."""


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """What LR is made of, and compared with.

    Attributes
    ----------
    pool : DegradationPool
    hr : HRPatches
    photos : tuple of PhotoFeatures
    keys : tuple of str
        The photos' hashes.
    scale : Scale
    seed : int
    """

    pool: DegradationPool
    hr: HRPatches
    photos: tuple[PhotoFeatures, ...]
    keys: tuple[str, ...]
    scale: Scale
    seed: int

    def lr(
        self, kernels: Mapping[str, BlurKernel], tail: Tail, *, most: int = PATCHES_A_PHOTO
    ) -> list[PhotoFeatures]:
        """Return the figures of LR by some kernels, each as likely, and what follows them.

        Of each HR photo at most so many patches are looked at.
        """
        config = DegradationConfig(scale=self.scale, recipe=make_recipe(tail))
        index = self.pool.index(self.scale, config.measured_kinds)
        trial = _Trial(self.pool, kernels)
        index = replace(index, matched_ids=tuple(kernels))
        return measure_lr(self.hr, config, index, trial, self.seed, most=most)

    def matched(
        self, lr: Sequence[PhotoFeatures]
    ) -> tuple[list[PhotoFeatures], list[PhotoFeatures]]:
        """Return photos and LR that show alike, one to one.

        Raises
        ------
        DegradeError
            As :meth:`pairs`.
        """
        pairs = self.pairs(lr)
        return [self.photos[i] for i in pairs[:, 0]], [lr[j] for j in pairs[:, 1]]

    def pairs(self, lr: Sequence[PhotoFeatures]) -> npt.NDArray[np.int64]:
        """Return the numbers of photos and of LR that show alike, one to one, by the photos'.

        Returns
        -------
        (K, 2) int64 array

        Raises
        ------
        DegradeError
            There are fewer than ten.
        """
        pairs = match_content(
            np.array([photo.content for photo in self.photos]),
            np.array([each.content for each in lr]),
            first_keys=self.keys,
            second_keys=self.hr.keys,
        )
        if len(pairs) < LEAST_PAIRS:
            raise DegradeError(
                f"of {len(self.photos)} photos {len(pairs)} show what an HR photo shows, at least "
                f"{LEAST_PAIRS} are needed: give HR photos of such scenes, or more of both"
            )
        return pairs

    def compared(self, lr: Sequence[PhotoFeatures]) -> Comparison:
        """Compare photos and LR as `degrade audit` does."""
        return compare_sets(
            self.photos,
            lr,
            rng_for(self.seed, "match"),
            first_keys=self.keys,
            second_keys=self.hr.keys,
        )


class _Trial:
    """A pool with other kernels."""

    def __init__(self, pool: DegradationPool, kernels: Mapping[str, BlurKernel]) -> None:
        self._kernels = kernels
        self._pool = pool

    def read_kernel(self, kernel_id: str) -> BlurKernel:
        """Return a kernel of the trial."""
        return self._kernels[kernel_id]

    def read_residual_crop(
        self, noise_id: str, top: int, left: int, height: int, width: int
    ) -> FloatArray:
        """Read a residual of the pool."""
        return self._pool.read_residual_crop(noise_id, top, left, height, width)


def make_recipe(tail: Tail) -> Recipe:
    """Return the recipe whose LR is compared: matched kernels, and the tail."""
    return Recipe(MATCHED, (Entry(Blur.kind, BlurSettings(kernels=MATCHED)), *tail))


def training_recipe(tail: Tail) -> Recipe:
    """Return the recipe whose pairs teach most: with light that adds up, and a model error.

    Neither is there while kernels are matched, which would make up for it.
    """
    return with_model_error(make_recipe(tail).having(Entry(LinearLight.kind)), AUTO)


def with_colours(gain: Gain, tail: Tail) -> Tail:
    """Return what follows the blur, with the response of colours where they are corrected.

    Parameters
    ----------
    gain : (24,) float64 array
        As in :mod:`degrade.audit.closed_colours`.
    tail : tuple of Entry
    """
    if not gain.any():
        return tail
    return (Entry(ColourResponse.kind, ColourResponseSettings(taps_of_gain(gain))), *tail)
