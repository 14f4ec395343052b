"""The step that sharpens LR as cameras and editors do: an unsharp mask.

It is for recipes of one's own, and for chains that photos went through *after* the camera. Kernels
that were estimated on photos hold the camera's sharpening already, as their negative lobes: a
recipe that draws such kernels and sharpens too counts it twice. So the recipe ``measured`` has no
such step.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, ClassVar, TypeAlias

import cv2
import msgspec
import numpy as np

from degrade.arrays import FloatArray
from degrade.degradation.index import Measured, PoolIndex
from degrade.degradation.steps.base import (
    Chance,
    PhotoSettings,
    Step,
    StepInputs,
    StepSettings,
)
from degrade.degradation.steps.gaussian import gaussian_taps
from degrade.degradation.steps.ranges import Range, check_ascending, draw_within
from degrade.errors import InvalidValueError

__all__ = ["Sharpening", "SharpeningSettings"]

_LEAST_RADIUS, _MOST_RADIUS, _MOST_AMOUNT = 0.3, 8.0, 6.0

_Amount: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=_MOST_AMOUNT)]
_Radius: TypeAlias = Annotated[float, msgspec.Meta(ge=_LEAST_RADIUS, le=_MOST_RADIUS)]

_FINE = 64
"""Levels are blurred in whole 64ths; what is sharpened is not rounded."""


class SharpeningSettings(PhotoSettings, frozen=True):
    """Between what a and s are drawn, each evenly.

    Attributes
    ----------
    amount : (low, high) float
        a, 0 to 6.
    radius : (low, high) float
        s in LR pixels, 0.3 to 8.
    measured : bool
        Draw both from a photo of the pool instead that was found to be sharpened, each as likely.
        Of kernels that were estimated on the same photos this sharpens twice.
    """

    amount: Range = (0.3, 1.0)
    radius: Range = (0.7, 1.5)
    measured: bool = False

    def __post_init__(self) -> None:
        check_ascending("amount", self.amount, 0, _MOST_AMOUNT)
        check_ascending("radius", self.radius, _LEAST_RADIUS, _MOST_RADIUS)

    @property
    def is_of_camera(self) -> bool:
        """Whether both are those of photos of the kernel's camera."""
        return self.measured and self.of == "camera"

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> Sharpening:
        """Draw a and s."""
        if self.measured:
            return _drawn_from(index, rng)
        return Sharpening(draw_within(self.amount, rng), draw_within(self.radius, rng))

    def words(self) -> str:
        """Return for people what is drawn."""
        if self.measured:
            return self.whose("as a photo", " was sharpened")
        return f"a = {_range(self.amount)}, radius {_range(self.radius)} px"


def _range(both: Range) -> str:
    return f"{both[0]:g}" if both[0] == both[1] else f"{both[0]:g}…{both[1]:g}"


def _drawn_from(index: PoolIndex, rng: Chance) -> Sharpening:
    found = [(float(one.values["amount"]), float(one.values["radius"])) for one in _usable(index)]
    if not found:
        raise InvalidValueError("no photo of the pool was found to be sharpened")
    amount, radius = found[rng.integers(len(found))]
    kept = min(max(radius, _LEAST_RADIUS), _MOST_RADIUS)
    return Sharpening(min(max(amount, 0.0), _MOST_AMOUNT), kept)


def _usable(index: PoolIndex) -> list[Measured]:
    found = index.measured.get(Sharpening.kind, ())
    return [one for one in found if one.values.get("sharpened") is True]


class Sharpening(Step, frozen=True):
    """Add a times the detail that a Gaussian of s pixels removes: 1 + a · (1 - G_s).

    Attributes
    ----------
    amount : float
        a.
    radius : float
        s in LR pixels.
    """

    kind: ClassVar[str] = "sharpening"
    draws_from: ClassVar[tuple[str, ...]] = ("sharpening",)
    drawn_by: ClassVar[type[StepSettings]] = SharpeningSettings
    amount: _Amount
    radius: _Radius

    @classmethod
    def photos(cls, index: PoolIndex) -> Collection[str]:
        """Return the photos that were found to be sharpened."""
        return {one.photo_sha256 for one in _usable(index)}

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Sharpen; beyond its edges LR is mirrored."""
        if not levels.size:
            raise InvalidValueError("sharpening needs LR: a step before it makes that of HR")
        taps, unit = gaussian_taps(self.radius)
        fine = np.rint(levels.astype(np.float64) * _FINE)
        # Whole numbers below 2⁵³ throughout: no order of the sums can change them.
        blurred = cv2.sepFilter2D(fine, cv2.CV_64F, taps, taps, borderType=cv2.BORDER_REFLECT)
        detail = fine * float(unit * unit) - blurred.reshape(levels.shape)
        detail *= self.amount / (_FINE * unit * unit)
        detail += levels
        return detail.astype(np.float32)

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"sharpened by {self.amount:.3g} with a radius of {self.radius:.3g} px"
