"""Samples around chosen places of a few images, and around others, in a fixed proportion."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import chain

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from degrade.arrays import U8Array
from degrade.errors import InvalidValueError
from esrgan.data.pool_sources import SampleChance
from esrgan.data.samples import PlannedBatch, check_hr_patch
from esrgan.data.step_sampler import SampleKey

__all__ = ["AimedSamples", "Place"]

Place = tuple[int, int, int]
"""The number of an image, and the row and column of a pixel of its LR."""

_Box = tuple[slice, slice]

_STREAM = 1


class AimedSamples:
    """Crops of LR and of what is to come of it, around two kinds of places.

    Every epoch has each place at least once, and the kinds in the given proportion; of one kind
    some places come several times then, with other crops each time. Crops are not turned: what a
    network draws of a turned image is not what it draws of the image, turned.

    Parameters
    ----------
    images : sequence of (LR, HR)
        (h, w, 3) and (scale·h, scale·w, 3) uint8 arrays.
    wanted, others : sequence of Place
        A crop has its middle within half a crop of a place, and lies in the image. Without others
        all are wanted.
    share : int
        Of so many crops one is around a wanted place.
    hr_patch : int
    scale : int
    seed : int
    near_flagged : sequence of (scale·h, scale·w) bool array, or None
        For each image what was flagged in its HR and repaired, and what is near it.

    Raises
    ------
    InvalidValueError
        ``hr_patch`` does not fit the scale, an image is smaller or not enlarged by the scale,
        ``near_flagged`` is of other sizes, or nothing is wanted.
    """

    def __init__(
        self,
        images: Sequence[tuple[U8Array, U8Array]],
        wanted: Sequence[Place],
        others: Sequence[Place],
        *,
        share: int = 2,
        hr_patch: int,
        scale: int,
        seed: int,
        near_flagged: Sequence[npt.NDArray[np.bool_]] | None = None,
    ) -> None:
        check_hr_patch(hr_patch, scale)
        self.scale, self.seed, self.lr_patch = scale, seed, hr_patch // scale
        if not wanted:
            raise InvalidValueError("there is no place to aim at")
        if share < 2:
            raise InvalidValueError(f"share must be at least 2, got {share}")
        for lr, hr in images:
            if hr.shape != (scale * lr.shape[0], scale * lr.shape[1], 3):
                raise InvalidValueError(f"×{scale} of {lr.shape} is not {hr.shape}")
            if min(lr.shape[:2]) < self.lr_patch:
                raise InvalidValueError(
                    f"an image of {lr.shape[1]}×{lr.shape[0]} pixels is smaller than a crop of "
                    f"{self.lr_patch}; use a smaller `hr_patch`"
                )
        self._images = list(images)
        self._near_flagged: list[U8Array] | None = None
        if near_flagged is not None:
            if [each.shape for each in near_flagged] != [hr.shape[:2] for _, hr in images]:
                raise InvalidValueError("each image needs a mask of HR's size")
            self._near_flagged = [255 * each.astype(np.uint8) for each in near_flagged]
        self._wanted, self._others = list(wanted), list(others)
        self._share = share if others else 1

    def __len__(self) -> int:
        rounds = len(self._wanted)
        if self._others:
            rounds = max(rounds, -(-len(self._others) // (self._share - 1)))
        return rounds * self._share

    @property
    def fingerprint(self) -> str:
        """Of images, places and crop size: equal ones give equal samples."""
        digest = hashlib.sha256(
            repr(
                (self.lr_patch, self.scale, self._share, self._wanted, self._others, _STREAM)
            ).encode()
        )
        for image in (*chain.from_iterable(self._images), *(self._near_flagged or ())):
            digest.update(repr(image.shape).encode())
            digest.update(np.ascontiguousarray(image).tobytes())
        return digest.hexdigest()

    @property
    def has_kernels(self) -> bool:
        """False: nobody knows them."""
        return False

    def rejects(self) -> list[tuple[str, str]]:
        """Return none: what is too small is refused before."""
        return []

    def read_batch(self, keys: Sequence[SampleKey]) -> tuple[Tensor, Tensor]:
        """Return a batch of samples, each as it is alone: see the base."""
        sides = (self.lr_patch, self.lr_patch * self.scale)
        lr_BHWC, hr_BHWC = (np.empty((len(keys), side, side, 3), np.uint8) for side in sides)
        for number, (epoch, index) in enumerate(keys):
            self._read_sample(epoch, index, lr_BHWC[number], hr_BHWC[number])
        return torch.from_numpy(lr_BHWC), torch.from_numpy(hr_BHWC)

    def read_near_flagged(self, keys: Sequence[SampleKey]) -> Tensor | None:
        """Return what is near flagged areas of the samples' HR: see the base."""
        if self._near_flagged is None:
            return None
        crops = [self._crop(epoch, index) for epoch, index in keys]
        parts = [self._near_flagged[image][rows, columns] for image, _, (rows, columns) in crops]
        return torch.from_numpy(np.stack(parts)[..., None])

    def read_kernels(self, keys: Sequence[SampleKey]) -> Tensor:
        """Refuse: there are none."""
        raise InvalidValueError("these samples have no kernels")

    def read_planned(self, keys: Sequence[SampleKey]) -> tuple[U8Array, PlannedBatch] | None:
        """Return None: LR is stored."""
        return None

    def degrade(self, planned: PlannedBatch, windows_BHWC: Tensor) -> tuple[Tensor, Tensor]:
        """Refuse: LR is stored."""
        raise InvalidValueError("these images are degraded already")

    def _read_sample(self, epoch: int, index: int, lr_out: U8Array, hr_out: U8Array) -> None:
        number, lr_crop, hr_crop = self._crop(epoch, index)
        lr, hr = self._images[number]
        lr_out[:] = lr[lr_crop]
        hr_out[:] = hr[hr_crop]

    def _crop(self, epoch: int, index: int) -> tuple[int, _Box, _Box]:
        """Return the number of a sample's image, and where it lies in its LR and HR."""
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is outside 0…{len(self) - 1}")
        turns, place = divmod(index, self._share)
        if place:
            turns = turns * (self._share - 1) + place - 1
        places = self._others if place else self._wanted
        image, row, column = places[turns % len(places)]
        chance = SampleChance(self.seed, epoch, f"{bool(place)}/{turns}")
        side = self.lr_patch
        top, left = (
            min(max(middle - chance.integers(side), 0), length - side)
            for middle, length in zip((row, column), self._images[image][0].shape[:2], strict=True)
        )
        small, large = (
            (slice(n * top, n * (top + side)), slice(n * left, n * (left + side)))
            for n in (1, self.scale)
        )
        return image, small, large
