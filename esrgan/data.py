"""Pairs as training samples: aligned crops, flips and rotations, and noise where it was deferred.

Every sample is a pure function of (seed, epoch, index). Which worker makes it, how many there
are, and whether the run was interrupted in between does not change a byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from degrade.arrays import FloatArray, U8Array
from degrade.degradation import NoiseChoice
from degrade.errors import DegradeError, InvalidValueError, printable
from degrade.image_io import quantise
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool
from degrade.rng import rng_for

__all__ = ["NoiseSource", "PairDataset", "SampleKey", "StepSampler"]

SampleKey: TypeAlias = tuple[int, int]
"""(epoch, index): names one sample of a run."""


class PairDataset(Dataset[tuple[Tensor, Tensor]]):
    """LR/HR training samples from a folder of pairs, HDF5 or LMDB.

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
        Where the noise is drawn from when the run deferred it; None: the pool that the pairs were
        built with. Not opened otherwise.

    Raises
    ------
    InvalidValueError
        ``hr_patch`` does not fit the scale, or no pair is large enough.
    DegradeError
        The folder holds no finished pairs, or the noise is deferred and the pool cannot be read
        or holds none.

    Notes
    -----
    ``dataset[index]`` is a sample of the epoch that was set by :meth:`set_epoch`;
    ``dataset[epoch, index]`` one of any epoch. Both are (lr_CHW, hr_CHW) uint8 RGB tensors; turn
    them into floats on the device, once a batch. The dataset can be pickled; files are opened by
    each process when first needed.
    """

    def __init__(
        self,
        folder: Path,
        *,
        hr_patch: int,
        seed: int,
        augment: bool = True,
        pool: Path | None = None,
    ) -> None:
        self._reader = open_pairs(folder)
        self.scale = self._reader.scale
        if hr_patch < self.scale or hr_patch % self.scale:
            raise InvalidValueError(
                f"hr_patch must be a multiple of the pairs' scale {self.scale}, got {hr_patch}"
            )
        self.lr_patch = hr_patch // self.scale
        self.seed = seed
        self.augment = augment
        self._epoch = 0
        fits = [min(record.lr_shape[:2]) >= self.lr_patch for record in self._reader.records]
        self._rows = [row for row, fit in enumerate(fits) if fit]
        self._checked: set[int] = set()
        self.too_small = tuple(
            record.key for record, fit in zip(self._reader.records, fits, strict=True) if not fit
        )
        if not self._rows:
            raise InvalidValueError(
                f"{printable(folder)}: none of its {len(fits)} pairs is as large as an HR patch of "
                f"{hr_patch}; use a smaller --hr-patch"
            )
        self.noise = NoiseSource.of_run(self._reader.run, folder, pool, self.scale)

    @property
    def fingerprint(self) -> str:
        """Of the pairs' bytes, the crop size and the noise: equal ones give equal samples."""
        records = self._reader.records
        content: list[Any] = [[records[row].key, records[row].crc32] for row in self._rows]
        noise = None if self.noise is None else self.noise.pool.digest(self.scale)
        content += [self.lr_patch, self.scale, self.augment, noise]
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
        epoch, index = key if isinstance(key, tuple) else (self._epoch, key)
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is outside 0…{len(self) - 1}")
        row = self._rows[index]
        record = self._reader.records[row]
        # The pair's key, not the index: pairs that come or go do not change the crops of others.
        rng = rng_for(self.seed, "samples", epoch, record.key)
        top = int(rng.integers(record.lr_shape[0] - self.lr_patch + 1))
        left = int(rng.integers(record.lr_shape[1] - self.lr_patch + 1))
        lr, hr = self._read_crop(row, top, left)
        if self.noise is not None:
            lr = self.noise.add_to(lr, rng)
        turn = int(rng.integers(8)) if self.augment else 0
        return _to_tensor(_turn(lr, turn)), _to_tensor(_turn(hr, turn))

    def _read_crop(self, row: int, top: int, left: int) -> tuple[U8Array, U8Array]:
        """Read a crop; the first time in each process the whole pair, whose checksum is tested."""
        size, scale = self.lr_patch, self.scale
        if row in self._checked:
            return self._reader.read_crop(row, top, left, size)
        lr, hr = self._reader.read(row)
        self._checked.add(row)
        hr_top, hr_left, hr_size = scale * top, scale * left, scale * size
        return (
            lr[top : top + size, left : left + size],
            hr[hr_top : hr_top + hr_size, hr_left : hr_left + hr_size],
        )


@dataclass(frozen=True, slots=True)
class NoiseSource:
    """The residuals of a pool, for pairs that were built with ``--noise defer``."""

    pool: DegradationPool
    choices: tuple[NoiseChoice, ...]

    @classmethod
    def of_run(
        cls, run: Mapping[str, Any], folder: Path, pool: Path | None, scale: int
    ) -> NoiseSource | None:
        """Open the pool that a run's pairs need; None when they need none."""
        settings = run.get("settings")
        if not isinstance(settings, Mapping) or settings.get("noise") != "defer":
            return None
        path = pool if pool is not None else Path(str(run.get("pool", "")))
        hint = f"{printable(folder)} leaves the noise to training: give its pool with --pool"
        try:
            opened = DegradationPool.open(path)
        except DegradeError as error:
            raise DegradeError(f"{error}; {hint}") from error
        choices = opened.index(scale).noise
        if not choices:
            raise DegradeError(f"{printable(path)}: the pool holds no noise; {hint}")
        return cls(opened, choices)

    def add_to(self, lr_u8: U8Array, rng: np.random.Generator) -> U8Array:
        """Add a random crop of a random residual, clip and round, as baking it in would have."""
        choice = self.choices[int(rng.integers(len(self.choices)))]
        height, width = lr_u8.shape[:2]
        # A crop larger than the residual is mirrored on, so any origin inside it will do.
        room = [choice.size - n if n <= choice.size else choice.size - 1 for n in (height, width)]
        top, left = int(rng.integers(room[0] + 1)), int(rng.integers(room[1] + 1))
        residual = self.pool.read_residual_crop(choice.id, top, left, height, width)
        noisy: FloatArray = lr_u8.astype(np.float32) / np.float32(255) + residual
        return quantise(noisy)


def _turn(image: U8Array, turn: int) -> U8Array:
    """Apply one of the eight symmetries of the square."""
    if turn & 4:
        image = image.transpose(1, 0, 2)
    return image[:: -1 if turn & 2 else 1, :: -1 if turn & 1 else 1]


def _to_tensor(image: U8Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


class StepSampler(Sampler[list[SampleKey]]):
    """The samples of each step of a run.

    Every epoch is a permutation of the pairs; epochs follow each other without a break, so that
    a batch may be larger than the set. The batch of a step depends on seed and step only, so a
    resumed run sees what the uninterrupted one would have seen.

    Parameters
    ----------
    length : int
        Of the dataset.
    batch_size : int
    seed : int
    steps : range
        The steps to give batches for, such as ``range(done, total)``.
    """

    def __init__(self, length: int, *, batch_size: int, seed: int, steps: range) -> None:
        if length < 1 or batch_size < 1:
            raise InvalidValueError(
                f"length and batch_size must be at least 1, got {length} and {batch_size}"
            )
        self._length, self._batch_size = length, batch_size
        self._seed, self._steps = seed, steps

    def __len__(self) -> int:
        return len(self._steps)

    def __iter__(self) -> Iterator[list[SampleKey]]:
        keys = self._keys(self._steps.start * self._batch_size)
        for _ in self._steps:
            yield [next(keys) for _ in range(self._batch_size)]

    def _keys(self, start: int) -> Iterator[SampleKey]:
        epoch, position = divmod(start, self._length)
        while True:
            order = rng_for(self._seed, "epochs", epoch).permutation(self._length)
            for index in order[position:].tolist():
                yield epoch, index
            epoch, position = epoch + 1, 0
