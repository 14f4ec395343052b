"""The step that sharpens edges of LR and leaves texture, as a camera's own processing does.

A camera that sharpened all alike would sharpen its noise. So it sharpens where there is an edge:
edges of its photos swing over further than any kernel makes them that has the photos' spectrum. A
kernel is the same everywhere, and cannot do that; the step is what comes beside it.
`degrade match --aim match` finds how much.

References
----------
docs/decisions/0035-refined-match.md, with what was measured.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs, StepSettings
from degrade.degradation.steps.gaussian import gaussian_taps
from degrade.errors import InvalidValueError

__all__ = ["EdgeSharpening", "EdgeSharpeningSettings"]

_MOST_AMOUNT, _MOST_CONTRAST = 4.0, 128.0
_LEAST_RADIUS, _MOST_RADIUS = 0.5, 8.0
_FINE = 64
"""Levels are averaged in whole 64ths, their squares in whole ones."""

_GREY = (0.299, 0.587, 0.114)

_Amount: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=_MOST_AMOUNT)]
_Contrast: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=_MOST_CONTRAST)]
_Radius: TypeAlias = Annotated[float, msgspec.Meta(ge=_LEAST_RADIUS, le=_MOST_RADIUS)]


class EdgeSharpeningSettings(StepSettings, frozen=True):
    """How much, and what is an edge: as in :class:`EdgeSharpening`; nothing is drawn."""

    amount: _Amount = 0.3
    contrast: _Contrast = 15.0
    radius: _Radius = 2.4

    def __post_init__(self) -> None:
        if not 0 <= self.amount <= _MOST_AMOUNT:
            raise InvalidValueError(f"amount must be 0 to {_MOST_AMOUNT:g}, got {self.amount:g}")
        if not 0 < self.contrast <= _MOST_CONTRAST:
            most = f"{_MOST_CONTRAST:g} grey levels"
            raise InvalidValueError(f"contrast must be above 0 to {most}, got {self.contrast:g}")
        if not _LEAST_RADIUS <= self.radius <= _MOST_RADIUS:
            within = f"{_LEAST_RADIUS:g} to {_MOST_RADIUS:g}"
            raise InvalidValueError(f"radius must be {within} LR pixels, got {self.radius:g}")

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> EdgeSharpening:
        """Return the step."""
        return EdgeSharpening(self.amount, self.contrast, self.radius)

    def words(self) -> str:
        """Return for people how much."""
        return _words(self.amount, self.contrast, self.radius)


class EdgeSharpening(Step, frozen=True):
    """Add to all channels a · (Y − mean of Y) · V / (V + c²).

    Y is grey by BT.601; its mean and its variance V are weighted by a Gaussian of s pixels.

    Attributes
    ----------
    amount : float
        a, 0 to 4.
    contrast : float
        c in grey levels: where Y deviates by so much, half of a is added. At most 128.
    radius : float
        s in LR pixels, 0.5 to 8.
    """

    kind: ClassVar[str] = "edge-sharpening"
    drawn_by: ClassVar[type[StepSettings]] = EdgeSharpeningSettings
    amount: _Amount
    contrast: _Contrast
    radius: _Radius

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Sharpen; beyond its edges LR is mirrored."""
        if levels.shape[2:] != (3,):
            raise InvalidValueError(f"edges are looked for in three channels, got {levels.shape}")
        if not levels.size:
            raise InvalidValueError("edge sharpening needs LR: a step before it makes that of HR")
        # One product and one sum after the other: the same bits on every machine.
        red, green, blue = (levels[..., c].astype(np.float64) for c in range(3))
        grey = green * _GREY[1]
        grey += red * _GREY[0]
        grey += blue * _GREY[2]
        np.clip(grey, 0, 255, out=grey)
        mean = _averaged(np.rint(grey * _FINE), self.radius) / _FINE
        whole = np.rint(grey)
        variance = _averaged(whole * whole, self.radius) - np.square(_averaged(whole, self.radius))
        variance = np.maximum(variance, 0)
        grey -= mean
        grey *= variance
        grey /= variance + self.contrast * self.contrast
        grey *= self.amount
        sharpened: FloatArray = levels + grey.astype(np.float32)[..., None]
        return sharpened

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"edges sharpened by {_words(self.amount, self.contrast, self.radius)}"


def _averaged(values: npt.NDArray[np.float64], radius: float) -> npt.NDArray[np.float64]:
    """Return means of whole numbers, weighted by a Gaussian."""
    taps, unit = gaussian_taps(radius)
    # Whole numbers below 2⁵³ throughout: no order of the sums can change them.
    total = cv2.sepFilter2D(values, cv2.CV_64F, taps, taps, borderType=cv2.BORDER_REFLECT)
    return np.asarray(total, np.float64).reshape(values.shape) / (float(unit) * unit)


def _words(amount: float, contrast: float, radius: float) -> str:
    return (
        f"{amount:.3g} where grey deviates by more than {contrast:.3g} levels within "
        f"{radius:.3g} px, and by less below"
    )
