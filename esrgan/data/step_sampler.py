"""Which pairs each step of a run sees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from torch.utils.data import Sampler

from degrade.errors import InvalidValueError
from degrade.rng import rng_for

__all__ = ["SampleKey", "StepSampler"]

SampleKey: TypeAlias = tuple[int, int]
"""(epoch, index): names one sample of a run."""


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
        for name, value in (("length", length), ("batch_size", batch_size)):
            if value < 1:
                raise InvalidValueError(f"{name} must be at least 1, got {value}")
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
