"""The step that gives LR's colours a sharpness of their own: a filter on what differs from grey.

A camera measures two of its three colours at every second pixel, smooths the noise of colours, and
compresses them more. So the colours of its photos are softer, or rougher, than a kernel that is the
same for all channels makes them.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.degradation.fixed_point import TAP_UNIT, even_places, spread_taps
from degrade.degradation.index import PoolIndex
from degrade.degradation.steps.base import Chance, Step, StepInputs, StepSettings
from degrade.errors import InvalidValueError

__all__ = [
    "MOST_REACH",
    "UNCHANGED",
    "ColourResponse",
    "ColourResponseSettings",
    "response_along_axes",
]

MOST_REACH = 5
"""LR pixels to each side of the middle that a filter has at most."""

_MOST_GAIN = 8
_FINE = 256
"""Levels are filtered in whole 256ths."""

_GREY = np.array([77, 150, 29], np.float32) / np.float32(256)
"""R, G and B in the grey that stays as it is: BT.601, in whole 256ths."""

_Tap: TypeAlias = Annotated[int, msgspec.Meta(ge=-_MOST_GAIN * TAP_UNIT, le=_MOST_GAIN * TAP_UNIT)]
_Taps: TypeAlias = tuple[_Tap, ...]

UNCHANGED = (TAP_UNIT,)


class ColourResponseSettings(StepSettings, frozen=True):
    """The filter: ``taps``, as in :class:`ColourResponse`; unless set it changes nothing."""

    taps: _Taps = UNCHANGED

    def __post_init__(self) -> None:
        _reach_of(self.taps)

    def draw(self, index: PoolIndex, lr_shape: tuple[int, int], rng: Chance) -> ColourResponse:
        """Return the step; nothing is drawn."""
        return ColourResponse(self.taps)

    def words(self) -> str:
        """Return the filter for people."""
        return f"colours keep of their amplitude {_kept(self.taps)}"


class ColourResponse(Step, frozen=True):
    """Filter how much each channel differs from grey, its luma by BT.601; grey itself stays.

    Attributes
    ----------
    taps : tuple of int
        Of a filter that looks alike from all eight sides, in 2⁻¹⁶: those of a triangle, from the
        middle outwards, (0, 0), (1, 0), (1, 1), (2, 0), …; all of them sum to 1.
    """

    kind: ClassVar[str] = "colour-response"
    drawn_by: ClassVar[type[StepSettings]] = ColourResponseSettings
    taps: _Taps

    def __post_init__(self) -> None:
        _reach_of(self.taps)

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        """Filter; beyond its edges LR is mirrored."""
        if levels.shape[2:] != (3,):
            raise InvalidValueError(f"colours are of three channels, got {levels.shape}")
        if not levels.size:
            raise InvalidValueError("a colour response needs LR: a step before it makes that of HR")
        # One sum after the other, each rounded once: the same bits on every machine.
        grey = levels[..., 1] * _GREY[1]
        grey += levels[..., 0] * _GREY[0]
        grey += levels[..., 2] * _GREY[2]
        fine = np.rint((levels - grey[..., None]).astype(np.float64) * _FINE)
        # Whole numbers far below 2⁵³: rounded, they are the same whichever way OpenCV sums them.
        total = cv2.filter2D(fine, cv2.CV_64F, _square(self.taps), borderType=cv2.BORDER_REFLECT)
        total = np.rint(total).reshape(levels.shape) / (_FINE * TAP_UNIT)
        filtered: FloatArray = total.astype(np.float32)
        filtered += grey[..., None]
        return filtered

    def words(self) -> str:
        """Return the step in one line for people."""
        return f"colours filtered, kept are of their amplitude {_kept(self.taps)}"


def _reach_of(taps: _Taps) -> int:
    for reach in range(MOST_REACH + 1):
        if len(taps) == len(even_places(reach)):
            total = int(spread_taps(taps, reach).sum())
            if total != TAP_UNIT:
                raise InvalidValueError(f"taps must sum to {TAP_UNIT}, got {total}")
            return reach
    known = ", ".join(str(len(even_places(reach))) for reach in range(MOST_REACH + 1))
    raise InvalidValueError(f"taps must be {known} numbers, got {len(taps)}")


def _square(taps: _Taps) -> npt.NDArray[np.float64]:
    return spread_taps(taps, _reach_of(taps))


def response_along_axes(taps: _Taps, cycles: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the amplitude that a filter keeps at frequencies along rows or columns.

    Parameters
    ----------
    taps : tuple of int
        As in :class:`ColourResponse`.
    cycles : (N,) array
        Per pixel of LR.

    Returns
    -------
    (N,) float64 array
    """
    row = _square(taps).sum(axis=0) / TAP_UNIT
    places = np.arange(len(row)) - len(row) // 2
    response = np.cos(2 * np.pi * np.multiply.outer(np.asarray(cycles), places)) @ row
    return np.asarray(np.abs(response), np.float64)


def _kept(taps: _Taps) -> str:
    """Return for people what a filter keeps at three frequencies."""
    cycles = (0.125, 0.25, 0.5)
    kept = zip(response_along_axes(taps, cycles), cycles, strict=True)
    return ", ".join(f"{share:.0%} at {at:g}" for share, at in kept) + " c/px"
