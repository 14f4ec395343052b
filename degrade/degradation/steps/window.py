"""The step that takes a window of LR: what training reads of a pair that was stored."""

from __future__ import annotations

from typing import ClassVar, Self

from degrade.arrays import Box, FloatArray
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs
from degrade.disk.structs import Whole
from degrade.errors import InvalidValueError

__all__ = ["Window"]


class Window(Step, frozen=True):
    """Take a window of LR; HR of the pair is what belongs to it.

    It stands in the plan of a pair whose noise was left to training. Steps before it see the whole
    of LR, as they did when it was stored: what they look around by, and what they average, is
    that of the stored LR.

    Attributes
    ----------
    box : (top, left, height, width)
        In pixels of LR.
    """

    kind: ClassVar[str] = "window"
    about: ClassVar[str] = "a part of LR"
    box: tuple[Whole, Whole, Whole, Whole]

    @classmethod
    def draw(cls, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Self:
        """Return the step with the whole of LR: a recipe says nothing else."""
        return cls((0, 0, *lr_shape))

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Take it."""
        top, left, height, width = self.box
        rows, columns = levels.shape[:2]
        if not (height and width and top + height <= rows and left + width <= columns):
            raise InvalidValueError(f"the window {self.box} is outside of LR of {rows}×{columns}")
        return levels[top : top + height, left : left + width].copy()

    def within(self, box: Box) -> Box:
        """Return the window as a box of what ``box`` is a box of, both in LR pixels."""
        return box[0] + self.box[0], box[1] + self.box[1], self.box[2], self.box[3]

    def words(self) -> str:
        """Return the step in one line for people."""
        top, left, height, width = self.box
        return f"of it {width}×{height} from row {top}, column {left} on"
