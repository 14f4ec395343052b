"""The step that adds real noise: a window of a residual of the pool."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from degrade.arrays import FloatArray
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Source, Step
from degrade.disk.structs import Text, Whole
from degrade.errors import InvalidValueError

__all__ = ["Residual"]


class Residual(Step, frozen=True):
    """Add a window of a residual, mirrored on where the image is larger.

    Attributes
    ----------
    noise_id : str
        In the pool.
    top, left : int
        Where the window begins.
    """

    kind: ClassVar[str] = "residual"
    noise_id: Text
    top: Whole
    left: Whole

    @classmethod
    def draw(cls, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Self:
        """Draw a residual, each with the same probability, and where its window begins."""
        if not index.noise:
            raise InvalidValueError("the pool has no noise patch")
        choice = index.noise[rng.integers(len(index.noise))]
        height, width = lr_shape
        top = rng.integers(_places(choice.size, height))
        left = rng.integers(_places(choice.size, width))
        return cls(choice.id, int(top), int(left))

    def apply(self, levels: FloatArray, source: Source) -> FloatArray:
        """Add the window (RealSR, eq. 1)."""
        height, width = levels.shape[:2]
        window = source.pool.read_residual_crop(self.noise_id, self.top, self.left, height, width)
        if window.shape != levels.shape:
            raise InvalidValueError(f"noise must be of shape {levels.shape}, got {window.shape}")
        noisy = window * np.float32(255)
        noisy += levels
        return noisy

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"noise {self.noise_id} added, from its row {self.top}, column {self.left} on"


def _places(size: int, window: int) -> int:
    """Return in how many places of a residual a window may begin, along one side."""
    # A window that is larger than the residual is mirrored on, so any place inside will do.
    return size - window + 1 if window <= size else size
