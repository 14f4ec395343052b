"""What samples take from the pool: steps that were left to training, and the kernels."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.degradation import (
    DegradationConfig,
    DegradationPlan,
    Entry,
    PoolIndex,
    draw_steps,
    recipe_of_run,
)
from degrade.degradation.recipe import kinds_drawn_from
from degrade.degradation.steps import Blur, Chance, Step, StepInputs, apply_steps
from degrade.errors import CorruptDataError, DegradeError, InvalidValueError, printable
from degrade.kernels import crop_or_pad_kernel
from degrade.pairs import PairRecord
from degrade.pool import DegradationPool
from esrgan.losses.cycle import interior

__all__ = ["KernelSource", "NoiseSource", "SampleChance"]

_WORDS = struct.Struct("<8Q")


class SampleChance:
    """The random integers of one sample: words of BLAKE2b hashes of what it is.

    Making a NumPy generator takes as long as reading both crops.
    """

    __slots__ = ("_blocks", "_name", "_words")

    def __init__(self, seed: int, epoch: int, key: str) -> None:
        self._name = f"{seed} {epoch} {key}"
        self._blocks = 0
        self._words = self._next_words()

    def integers(self, bound: int, /) -> int:
        """Return the next integer of 0 … bound - 1, each as likely."""
        word = next(self._words, None)
        if word is None:
            self._words = self._next_words()
            word = next(self._words)
        return word * bound >> 64

    def _next_words(self) -> Iterator[int]:
        # Keys hold no blank, so no other sample has the name of a later block.
        name = f"{self._name} {self._blocks}" if self._blocks else self._name
        self._blocks += 1
        digest = hashlib.blake2b(name.encode("ascii"), person=b"samples").digest()
        return iter(_WORDS.unpack(digest))


@dataclass(frozen=True, slots=True)
class NoiseSource:
    """The steps that pairs leave to training, and the pool that they draw from.

    Pairs that were built with ``--noise defer`` are planned up to their noise. What follows is
    drawn here, anew for every sample, by the code that plans pairs, and applied to the stored LR
    by the code that builds them.

    Attributes
    ----------
    pool : DegradationPool
    index : PoolIndex
        Of the pool, at the scale of the pairs.
    entries : tuple of Entry
        What the steps are drawn from, in order.
    """

    pool: DegradationPool
    index: PoolIndex
    entries: tuple[Entry, ...]
    _inputs: StepInputs = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_inputs", StepInputs(self.pool))

    @classmethod
    def of_run(
        cls, run: Mapping[str, Any], folder: Path, pool: Path | None, scale: int
    ) -> NoiseSource | None:
        """Open the pool that a run's pairs need; None when they need none.

        Raises
        ------
        CorruptDataError
            The run's settings are not what a run has, or need a kind of step that this version
            does not know.
        DegradeError
            The pool cannot be read or lacks what is to be drawn.
        """
        settings = run.get("settings")
        if not isinstance(settings, Mapping) or settings.get("noise") != "defer":
            return None
        try:
            drawn = DegradationConfig(
                scale=scale, recipe=recipe_of_run(settings), defers_noise=True
            )
        except InvalidValueError as error:
            raise CorruptDataError(f"{printable(folder)}: {error}") from None
        entries = drawn.deferred_entries
        hint = f"{printable(folder)} leaves the noise to training: give its `pool`"
        opened = _open_pool(run, pool, hint)
        index = opened.index(scale, kinds_drawn_from(entries))
        source = cls(opened, index, entries)
        try:
            source.draw((1, 1), SampleChance(0, 0, ""))
        except InvalidValueError as error:
            raise DegradeError(f"{printable(opened.path)}: {error}; {hint}") from None
        return source

    def draw(
        self, lr_shape: tuple[int, int], chance: Chance, plan: DegradationPlan | None = None
    ) -> tuple[Step, ...]:
        """Draw the steps of one sample.

        Parameters
        ----------
        lr_shape : (height, width)
            Of its LR.
        chance : Chance
        plan : DegradationPlan or None
            Of its pair, up to here: its kernel decides which camera's noise is drawn.
        """
        kernel_id = None if plan is None else plan.kernel_id
        return draw_steps(self.entries, self.index, lr_shape, chance, kernel_id=kernel_id)

    def apply(self, lr_u8: U8Array, steps: Sequence[Step]) -> U8Array:
        """Apply drawn steps to a (h, w, 3) uint8 crop of the stored LR, and round once more."""
        return round_to_u8(apply_steps(steps, lr_u8.astype(np.float32), self._inputs))


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
            A pair was imported or made without a kernel of a pool, so that its kernel is not known,
            or the pool cannot be read or lacks a kernel.
        """
        where = printable(folder)
        pair_ids = []
        for record in records:
            kernel_id = record.plan.kernel_id if record.plan else None
            if record.plan is None or kernel_id is None:
                how = "made without one of a pool" if record.plan else "imported"
                raise DegradeError(
                    f"{where}: nobody knows the kernel of {record.key}, which was {how}; the "
                    "cycle loss needs pairs of build-pairs: use `cycle_weight=0`"
                )
            if any(isinstance(step, Blur) and step.width_error for step in record.plan.steps):
                raise DegradeError(
                    f"{where}: each pair has a kernel of its own, as the recipe spreads them; the "
                    "cycle loss needs the pool's kernels as they are: use `cycle_weight=0`"
                )
            pair_ids.append(kernel_id)
        ids = tuple(sorted(set(pair_ids)))
        hint = f"the cycle loss needs the kernels of {where}: give their `pool`"
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
        recorded = run.get("pool", "")
        there = None if recorded is None else Path(str(recorded))
        return DegradationPool.open(there if pool is None else pool)
    except DegradeError as error:
        raise DegradeError(f"{error}; {hint}") from error
