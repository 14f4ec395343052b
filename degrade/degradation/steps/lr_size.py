"""The step that brings what a chain has made of an HR patch to the size of LR."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

import msgspec

from degrade.arrays import FloatArray
from degrade.degradation.fixed_point import Interpolation, resize_levels
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import MARGIN, Chance, Margin, Step, StepInputs, StepSettings
from degrade.degradation.steps.ranges import choose

__all__ = ["LrSize"]

_Side: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**24)]
_ALL: tuple[Interpolation, ...] = ("area", "bilinear", "bicubic")


class LrSizeSettings(StepSettings, frozen=True):
    """By which interpolations: one of them is drawn, each as likely."""

    interpolations: Annotated[tuple[Interpolation, ...], msgspec.Meta(min_length=1)] = _ALL

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> LrSize:
        """Draw the interpolation."""
        return LrSize(*lr_shape, MARGIN, choose(self.interpolations, rng))

    def words(self) -> str:
        """Return for people what is drawn."""
        return f"resized to the size of LR, {' or '.join(self.interpolations)}"


class LrSize(Step, frozen=True):
    """Resize to LR with the margin that ``hr-patch`` has taken, and cut the margin off.

    Attributes
    ----------
    height, width : int
        Of LR.
    margin : int
        Pixels of LR on each side.
    interpolation : {"area", "bilinear", "bicubic"}
    """

    kind: ClassVar[str] = "lr-size"
    drawn_by: ClassVar[type[StepSettings]] = LrSizeSettings
    makes_lr: ClassVar[bool] = True
    height: _Side
    width: _Side
    margin: Margin
    interpolation: Interpolation

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Resize, and cut the margin off."""
        margin = self.margin
        resized = resize_levels(
            levels, self.height + 2 * margin, self.width + 2 * margin, self.interpolation
        )
        return resized[margin : margin + self.height, margin : margin + self.width]

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"resized to LR, {self.width}×{self.height}, {self.interpolation}"
