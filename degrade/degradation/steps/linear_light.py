"""The step that makes up for blur that was applied to levels, where a camera blurs light.

A sensor, and the glass before it, add up light. Levels are about the 2.2th root of light, so a
pixel that sees both dark and bright is brighter than the mean of their levels: to second order by
(2.2 − 1) / (2 · level) times the variance of the levels that it sees. Measured on real pairs of six
cameras, scenes apart, LR is brighter than its best kernel makes it by about that much. What it adds
on average is taken off again: LR shall have the brightness of HR.

References
----------
docs/decisions/0033-linear-light.md, with what was measured.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.compiled import is_compiled
from degrade.compiled.local_variance import add_linear_light, local_variance
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs, StepSettings
from degrade.errors import InvalidValueError

__all__ = [
    "AUTO_GAIN",
    "MOST_GAIN",
    "PARTS",
    "WEIGHTS",
    "LinearLight",
    "LinearLightSettings",
    "variance_around",
    "variance_by_numpy",
]

AUTO_GAIN = 0.4
"""Grey levels for a variance of 100: what 2.2th roots have at level 150."""

MOST_GAIN = 4.0

WEIGHTS = (1, 6, 15, 20, 15, 6, 1)
"""Of 64, along rows and columns: a standard deviation of 1.22 pixels of LR. From 1 to 1.6 pixels
tell nearly the same of real LR, less and more tell less."""

PARTS = 256
"""Of a variance: whole ones are averaged, whose sum is the same in any order."""

_ALL = sum(WEIGHTS)

_Gain: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=MOST_GAIN)]


class LinearLightSettings(StepSettings, frozen=True):
    """How much brighter mixed light is: ``gain``, as in :class:`LinearLight`."""

    gain: _Gain = AUTO_GAIN

    def __post_init__(self) -> None:
        if not 0 <= self.gain <= MOST_GAIN:
            raise InvalidValueError(
                f"linear_light must be 0 to {MOST_GAIN:g} grey levels for a variance of 100, got "
                f"{self.gain:g}"
            )

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> LinearLight:
        """Return the step; nothing is drawn."""
        return LinearLight(self.gain)

    def words(self) -> str:
        """Return the gain for people."""
        return _words(self.gain)


class LinearLight(Step, frozen=True):
    """Add to each channel of LR its local variance, less the mean of that, times a gain.

    The variance is that of whole levels, 0…255, around each pixel, weighted by :data:`WEIGHTS`;
    beyond its edges LR is mirrored. The mean is of the whole of LR, so LR keeps its own.

    Attributes
    ----------
    gain : float
        Grey levels for a variance of 100 (levels²), 0 to :data:`MOST_GAIN`.
    """

    kind: ClassVar[str] = "linear-light"
    drawn_by: ClassVar[type[StepSettings]] = LinearLightSettings
    gain: _Gain

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Add it."""
        if levels.shape[2:] != (3,):
            raise InvalidValueError(f"linear light is for three channels, got {levels.shape}")
        if not levels.size:
            raise InvalidValueError("linear light needs LR: a step before it makes that of HR")
        if is_compiled():
            return add_linear_light(levels, self.gain / 100)
        added = variance_around(levels)
        # Whole numbers below 2⁵³.
        total = np.rint(added * np.float32(PARTS)).sum(axis=(0, 1), dtype=np.float64)
        added -= (total / (PARTS * added[..., 0].size)).astype(np.float32)
        added *= np.float32(self.gain / 100)
        added += levels
        return added

    def words(self) -> str:
        """Return the step in one line for people."""
        return _words(self.gain)


def variance_around(levels: FloatArray) -> FloatArray:
    """Return how much whole levels, 0…255, vary around each pixel, weighted by :data:`WEIGHTS`.

    Parameters
    ----------
    levels : (h, w, 3) float32 array
        Beyond its edges it is mirrored.

    Returns
    -------
    (h, w, 3) float32 array
        Variances in levels².
    """
    return local_variance(levels) if is_compiled() else variance_by_numpy(levels)


def variance_by_numpy(levels: FloatArray) -> FloatArray:
    """Return the variance as :func:`degrade.compiled.local_variance.local_variance` does."""
    whole = np.rint(np.clip(levels, 0, 255)).astype(np.float64)
    # Whole numbers below 2⁵³: the same whichever way OpenCV adds them up.
    mean, square = _summed(whole), _summed(whole * whole)
    variance = (square * _ALL**2 - mean * mean) * (1 / _ALL**4)
    return variance.astype(np.float32)


def _summed(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    weights = np.array(WEIGHTS, np.float64)
    found = cv2.sepFilter2D(values, cv2.CV_64F, weights, weights, borderType=cv2.BORDER_REFLECT)
    return np.asarray(found, np.float64).reshape(values.shape)


def _words(gain: float) -> str:
    return f"light adds up, not levels: {gain:g} grey levels for a variance of 100, less the mean"
