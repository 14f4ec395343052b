"""Filters of LR that look alike from all eight sides, with the same bits on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd
from typing import Annotated, TypeAlias

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.degradation.fixed_point import MOST_LEVEL, TAP_UNIT, even_places, spread_taps
from degrade.errors import InvalidValueError

__all__ = [
    "MOST_REACH",
    "UNCHANGED",
    "EvenTaps",
    "filter_evenly",
    "gains_of",
    "reach_of",
    "response_along_axes",
    "square_of",
]

MOST_REACH = 5
"""LR pixels to each side of the middle that a filter has at most."""

_MOST_GAIN = 8
_EXACT_IN_FLOAT32 = 2**24

_Tap: TypeAlias = Annotated[int, msgspec.Meta(ge=-_MOST_GAIN * TAP_UNIT, le=_MOST_GAIN * TAP_UNIT)]
EvenTaps: TypeAlias = tuple[_Tap, ...]
"""In 2⁻¹⁶: those of a triangle, from the middle outwards, (0, 0), (1, 0), (1, 1), (2, 0), …; with
their images in the other seven directions all of them sum to 1."""

UNCHANGED: EvenTaps = (TAP_UNIT,)


def filter_evenly(levels: FloatArray, taps: Sequence[int], fine: int) -> FloatArray:
    """Filter each channel; beyond its edges the image is mirrored.

    Parameters
    ----------
    levels : (h, w, C) float32 array
        Grey levels; beyond ±1023 they are cut.
    taps : sequence of int
        As :data:`EvenTaps`.
    fine : int
        A power of two: levels are filtered in such parts of one.

    Returns
    -------
    (h, w, C) float32 array

    Raises
    ------
    InvalidValueError
        There are no such taps.
    """
    square = square_of(taps)
    unit = gcd(*taps) & -gcd(*taps)  # the largest power of two in all of them
    square /= unit
    whole: FloatArray = np.rint(levels.clip(-MOST_LEVEL, MOST_LEVEL) * np.float32(fine))
    most = float(np.abs(whole).max()) * float(np.abs(square).sum())
    # Sums of whole numbers, none of which can be rounded: the same whichever way OpenCV adds them.
    kept = np.float32 if most < _EXACT_IN_FLOAT32 else np.float64
    total = cv2.filter2D(whole.astype(kept), -1, square, borderType=cv2.BORDER_REFLECT)
    filtered = np.rint(total).reshape(levels.shape) * kept(unit / (fine * TAP_UNIT))
    return np.asarray(filtered, np.float32)


def reach_of(taps: Sequence[int]) -> int:
    """Return how many pixels to each side of the middle a filter has.

    Raises
    ------
    InvalidValueError
        So many taps has none, or they do not sum to 1.
    """
    for reach in range(MOST_REACH + 1):
        if len(taps) == len(even_places(reach)):
            total = int(spread_taps(taps, reach).sum())
            if total != TAP_UNIT:
                raise InvalidValueError(f"taps must sum to {TAP_UNIT}, got {total}")
            return reach
    known = ", ".join(str(len(even_places(reach))) for reach in range(MOST_REACH + 1))
    raise InvalidValueError(f"taps must be {known} numbers, got {len(taps)}")


def square_of(taps: Sequence[int]) -> npt.NDArray[np.float64]:
    """Return all taps of a filter, whole numbers of 2⁻¹⁶.

    Returns
    -------
    (2 · reach + 1, 2 · reach + 1) float64 array

    Raises
    ------
    InvalidValueError
        There are no such taps.
    """
    return spread_taps(taps, reach_of(taps))


def response_along_axes(taps: Sequence[int], cycles: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the amplitude that a filter keeps at frequencies along rows or columns.

    Parameters
    ----------
    taps : sequence of int
        As :data:`EvenTaps`.
    cycles : (N,) array
        Per pixel of LR.

    Returns
    -------
    (N,) float64 array
    """
    row = square_of(taps).sum(axis=0) / TAP_UNIT
    places = np.arange(len(row)) - len(row) // 2
    response = np.cos(2 * np.pi * np.multiply.outer(np.asarray(cycles), places)) @ row
    return np.asarray(np.abs(response), np.float64)


def gains_of(taps: Sequence[int]) -> str:
    """Return for people what a filter multiplies amplitude by, at three frequencies."""
    low, middle, high = response_along_axes(taps, (0.125, 0.25, 0.5))
    return f"amplitude ×{low:.2f} at 0.125 c/px, ×{middle:.2f} at 0.25, ×{high:.2f} at 0.5"
