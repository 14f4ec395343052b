"""What samples take from the pool: noise that was deferred to training, and the kernels."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from degrade.arrays import FloatArray, U8Array
from degrade.degradation import NoiseChoice
from degrade.errors import DegradeError, InvalidValueError, printable
from degrade.images.image_io import quantise
from degrade.kernels import crop_or_pad_kernel
from degrade.pairs import PairRecord
from degrade.pool import DegradationPool
from esrgan.losses.cycle import interior

__all__ = ["KernelSource", "NoiseSource", "SampleChance"]

_WORDS = struct.Struct("<8Q")


class SampleChance:
    """The random integers of one sample: words of a BLAKE2b hash of what it is.

    Making a NumPy generator takes as long as reading both crops.
    """

    __slots__ = ("_words",)

    def __init__(self, seed: int, epoch: int, key: str) -> None:
        name = f"{seed} {epoch} {key}".encode("ascii")
        self._words = iter(_WORDS.unpack(hashlib.blake2b(name, person=b"samples").digest()))

    def below(self, bound: int) -> int:
        """Return the next integer of 0 … bound - 1, each as likely; there are eight."""
        return int(next(self._words)) * bound >> 64


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
        hint = f"{printable(folder)} leaves the noise to training: give its pool with --pool"
        opened = _open_pool(run, pool, hint)
        choices = opened.index(scale).noise
        if not choices:
            raise DegradeError(f"{printable(opened.path)}: the pool holds no noise; {hint}")
        return cls(opened, choices)

    def add_to(self, lr_u8: U8Array, chance: SampleChance) -> U8Array:
        """Add a random crop of a random residual, clip and round, as baking it in would have."""
        choice = self.choices[chance.below(len(self.choices))]
        height, width = lr_u8.shape[:2]
        # A crop larger than the residual is mirrored on, so any origin inside it will do.
        room = [choice.size - n if n <= choice.size else choice.size - 1 for n in (height, width)]
        top, left = chance.below(room[0] + 1), chance.below(room[1] + 1)
        residual = self.pool.read_residual_crop(choice.id, top, left, height, width)
        noisy: FloatArray = lr_u8.astype(np.float32) / np.float32(255) + residual
        return quantise(noisy)


@dataclass(frozen=True, slots=True, eq=False)
class KernelSource:
    """The kernels that the LR of pairs were made with, padded to one size.

    Attributes
    ----------
    weights_NKK : (N, K, K) float32 array
    numbers : tuple of int
        For each pair, which of them is its own.
    ids : tuple of str
        In the pool; they name the content.
    """

    weights_NKK: FloatArray
    numbers: tuple[int, ...]
    ids: tuple[str, ...]

    @classmethod
    def of_pairs(
        cls, records: Sequence[PairRecord], run: Mapping[str, Any], folder: Path, pool: Path | None
    ) -> KernelSource:
        """Read them from the pool.

        Raises
        ------
        DegradeError
            A pair was imported, so that its kernel is not known, or the pool cannot be read or
            lacks a kernel.
        """
        where = printable(folder)
        pair_ids = []
        for record in records:
            if record.plan is None:
                raise DegradeError(
                    f"{where}: nobody knows the kernel of {record.key}, which was imported; the "
                    "cycle loss needs pairs of build-pairs: use --set cycle_weight=0"
                )
            pair_ids.append(record.plan.kernel_id)
        ids = tuple(sorted(set(pair_ids)))
        hint = f"the cycle loss needs the kernels of {where}: give their pool with --pool"
        opened = _open_pool(run, pool, hint)
        try:
            weights = [opened.read_kernel(kernel_id).weights for kernel_id in ids]
        except InvalidValueError as error:
            raise DegradeError(f"{error}; {hint}") from None
        size = max(kernel.shape[0] for kernel in weights)
        stack = np.stack([crop_or_pad_kernel(kernel, size) for kernel in weights])
        places = {kernel_id: number for number, kernel_id in enumerate(ids)}
        return cls(stack.astype(np.float32), tuple(places[i] for i in pair_ids), ids)

    def check_patch(self, hr_patch: int, scale: int) -> None:
        """Refuse HR patches that no kernel fits in, InvalidValueError."""
        # Turning adds scale - 1 on each side: see esrgan.losses.dihedral.
        interior(hr_patch, self.weights_NKK.shape[-1] + 2 * (scale - 1), scale)


def _open_pool(run: Mapping[str, Any], pool: Path | None, hint: str) -> DegradationPool:
    try:
        return DegradationPool.open(pool if pool is not None else Path(str(run.get("pool", ""))))
    except DegradeError as error:
        raise DegradeError(f"{error}; {hint}") from error
