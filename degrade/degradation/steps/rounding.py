"""The step that does what a camera's file does: keep whole grey levels only."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from degrade.arrays import FloatArray, round_to_u8
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs

__all__ = ["Rounding"]


class Rounding(Step, frozen=True):
    """Clip to 0…255 and round to whole levels, ties to even.

    It stands where an image was stored before further steps: in the plan of a pair whose noise was
    left to training. An image of whole levels cannot hold the fraction that baking would have
    kept: beside baked noise about a quarter of the pixels differ, by one level, and the variance is
    1/12 level² larger (docs/decisions/0010-steps.md).
    """

    kind: ClassVar[str] = "rounding"
    about: ClassVar[str] = "to whole grey levels"

    @classmethod
    def draw(cls, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Self:
        """Return the step: there is nothing to draw."""
        return cls()

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Return whole levels."""
        return round_to_u8(levels).astype(np.float32)

    def words(self) -> str:
        """Return the step in one line for people."""
        return "rounded to 8 bits"
