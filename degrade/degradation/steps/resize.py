"""The step that resizes by a random factor, as images are that were saved again and again."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec

from degrade.arrays import FloatArray
from degrade.degradation.fixed_point import Interpolation, resize_levels
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import MARGIN, Chance, Step, StepInputs, StepSettings
from degrade.degradation.steps.ranges import Range, check_ascending, choose, draw_within
from degrade.errors import InvalidValueError

__all__ = ["Resize", "ResizeSettings"]

_ALL: tuple[Interpolation, ...] = ("area", "bilinear", "bicubic")
_LEAST, _MOST = 0.05, 4.0
_MOST_SIDE = 2**15
_Factor: TypeAlias = Annotated[float, msgspec.Meta(ge=_LEAST, le=_MOST)]
_Side: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=2**24)]


class ResizeSettings(StepSettings, frozen=True):
    """By how much, and by which interpolations: one of them is drawn, each as likely.

    Attributes
    ----------
    factor : (float, float)
        New size over that of ``of``.
    of : {"image", "lr"}
        The image as it is by then, or LR.
    interpolations : tuple of {"area", "bilinear", "bicubic"}
    """

    factor: Range = (0.15, 1.5)
    of: Literal["image", "lr"] = "image"
    interpolations: Annotated[tuple[Interpolation, ...], msgspec.Meta(min_length=1)] = _ALL

    def __post_init__(self) -> None:
        check_ascending("factor", self.factor, _LEAST, _MOST)

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Resize:
        """Draw factor and interpolation."""
        factor, interpolation = draw_within(self.factor, rng), choose(self.interpolations, rng)
        whole = (lr_shape[0] + 2 * MARGIN, lr_shape[1] + 2 * MARGIN) if self.of == "lr" else None
        return Resize(factor, interpolation, whole)

    def words(self) -> str:
        """Return for people what is drawn."""
        low, high = self.factor
        of = "the size of LR" if self.of == "lr" else "its size"
        return f"to {low:g} … {high:g} of {of}, {' or '.join(self.interpolations)}"


class Resize(Step, frozen=True, omit_defaults=True):
    """Resize.

    Attributes
    ----------
    factor : float
    interpolation : {"area", "bilinear", "bicubic"}
    of : (int, int) or None
        The (height, width) that the factor is of; None: those of the image.
    """

    kind: ClassVar[str] = "resize"
    drawn_by: ClassVar[type[StepSettings]] = ResizeSettings
    factor: _Factor
    interpolation: Interpolation
    of: tuple[_Side, _Side] | None = None

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Resize; a side is at least one pixel."""
        height, width = (max(1, round(self.factor * side)) for side in self.of or levels.shape[:2])
        if max(height, width) > _MOST_SIDE:
            raise InvalidValueError(f"resizing would make {height}×{width} pixels")
        return resize_levels(levels, height, width, self.interpolation)

    def words(self) -> str:
        """Return the step in one line for people."""
        of = " of LR" if self.of else ""
        return f"resized to {self.factor:g}{of}, {self.interpolation}"
