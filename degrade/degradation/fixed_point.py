"""Filtering and resizing grey levels with the same bits on every machine.

Levels are rounded to whole 1/256 of a level and weights to whole fractions of a power of two. All
sums are then whole numbers that float64 holds exactly, so neither the order of the additions nor
wider instructions can change them. Convolutions go through a Fourier transform, whose error is far
below one half: rounded once more, its result is exact again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError
from degrade.resample import cubic

__all__ = [
    "MOST_LEVEL",
    "TAP_UNIT",
    "Interpolation",
    "correlate_levels",
    "even_places",
    "resize_levels",
    "spread_taps",
    "whole_taps",
]

_FRACTION = 256
"""Steps of a grey level."""

MOST_LEVEL = 1023.0
"""Levels beyond it, up or down, are cut."""

TAP_UNIT = 2**16
_RESIZE_UNIT = 2**16

Interpolation: TypeAlias = Literal["area", "bilinear", "bicubic"]

_Whole: TypeAlias = npt.NDArray[np.float64]
"""Whole numbers, held as float64."""


def whole_taps(weights: npt.NDArray[np.float64]) -> _Whole:
    """Round a kernel to whole numbers that sum to 2¹⁶; its largest tap takes what is missing.

    Parameters
    ----------
    weights : (K, L) float64 array
        Of a sum that is not 0.
    """
    taps: _Whole = np.rint(weights / weights.sum() * TAP_UNIT)
    taps.ravel()[np.abs(taps).argmax()] += TAP_UNIT - taps.sum()
    return taps


def even_places(reach: int) -> list[tuple[int, int]]:
    """Return the places of a filter's taps, each in the one of its eight directions that counts.

    Parameters
    ----------
    reach : int
        Pixels to each side of the middle.
    """
    return [(down, right) for down in range(reach + 1) for right in range(down + 1)]


def spread_taps(taps: Sequence[int], reach: int) -> npt.NDArray[np.float64]:
    """Return a filter that looks alike from all eight sides as a square of taps.

    Parameters
    ----------
    taps : sequence of int
        One for each of :func:`even_places`.
    reach : int
        Pixels to each side of the middle.

    Returns
    -------
    (2 · reach + 1, 2 · reach + 1) float64 array
    """
    square = np.empty((2 * reach + 1, 2 * reach + 1))
    offsets = np.abs(np.arange(-reach, reach + 1))
    larger, smaller = np.maximum.outer(offsets, offsets), np.minimum.outer(offsets, offsets)
    for tap, (down, right) in zip(taps, even_places(reach), strict=True):
        square[(larger == down) & (smaller == right)] = tap
    return square


def correlate_levels(levels: FloatArray, taps: _Whole) -> FloatArray:
    """Filter an image with a kernel of odd sides; beyond its borders it is mirrored.

    Parameters
    ----------
    levels : (h, w, C) float32 array
        Grey levels; beyond ±1023 they are cut.
    taps : (K, L) float64 array
        Of :func:`whole_taps`; correlated with the image.

    Returns
    -------
    (h, w, C) float32 array
    """
    down, right = (side // 2 for side in taps.shape)
    padded = np.pad(_fixed(levels), ((down, down), (right, right), (0, 0)), mode="symmetric")
    # Convolving flips the kernel: it is flipped before.
    turned = taps[::-1, ::-1, None]
    total = np.rint(scipy.signal.oaconvolve(padded, turned, mode="valid", axes=(0, 1)))
    return _levels(total, _FRACTION * TAP_UNIT)


def resize_levels(
    levels: FloatArray, height: int, width: int, interpolation: Interpolation
) -> FloatArray:
    """Resize an image so that its whole extent fills the new one.

    Parameters
    ----------
    levels : (h, w, C) float32 array
        Grey levels; beyond ±1023 they are cut.
    height, width : int
        At least 1.
    interpolation : {"area", "bilinear", "bicubic"}
        ``area`` is the mean over what a pixel covers. The others look at the next 2 or 4 pixels
        however much smaller the image becomes, and ``bicubic`` has a = -0.75, as the field's
        training code has them (PyTorch's ``interpolate``, OpenCV's ``resize``).

    Returns
    -------
    (height, width, C) float32 array

    Raises
    ------
    InvalidValueError
        The new size is none.
    """
    if min(height, width) < 1:
        raise InvalidValueError(f"an image must have pixels, got {height}×{width}")
    old_height, old_width, channels = levels.shape
    rows = _weights(old_height, height, interpolation)
    columns = _weights(old_width, width, interpolation)
    down = rows @ _fixed(levels).reshape(old_height, -1)
    across = down.reshape(height, old_width, channels).swapaxes(0, 1).reshape(old_width, -1)
    total = (columns @ across).reshape(width, height, channels).swapaxes(0, 1)
    return _levels(total, _FRACTION * _RESIZE_UNIT**2)


def _fixed(levels: FloatArray) -> _Whole:
    """Return levels as whole numbers of 1/256."""
    inside = np.clip(levels, -MOST_LEVEL, MOST_LEVEL).astype(np.float64)
    fixed: _Whole = np.rint(inside * _FRACTION)
    return fixed


def _levels(total: _Whole, unit: int) -> FloatArray:
    levels: FloatArray = (total / unit).astype(np.float32)
    return levels


def _weights(old: int, new: int, interpolation: Interpolation) -> scipy.sparse.csr_array:
    """Return the (new, old) matrix that resizes an axis, in whole numbers of 2⁻¹⁶."""
    if interpolation == "area":
        places, shares = _area(old, new)
    else:
        places, shares = _interpolated(old, new, taps=2 if interpolation == "bilinear" else 4)
    whole = np.rint(shares * _RESIZE_UNIT)
    largest = np.abs(whole).argmax(axis=1)
    whole[np.arange(new), largest] += _RESIZE_UNIT - whole.sum(axis=1)
    rows = np.repeat(np.arange(new), places.shape[1])
    return scipy.sparse.csr_array(
        (whole.ravel(), (rows, np.clip(places, 0, old - 1).ravel())), shape=(new, old)
    )


def _area(old: int, new: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the pixels that each new one covers, and the share of each."""
    first = np.arange(new) * old // new
    count = int((-(-(np.arange(new) + 1) * old // new) - first).max())
    places = first[:, None] + np.arange(count)
    # Where a new pixel begins and ends, in whole numbers of 1/new of an old one.
    begins = np.arange(new)[:, None] * old
    covered = np.minimum((places + 1) * new, begins + old) - np.maximum(places * new, begins)
    return places, np.maximum(covered, 0) / old


def _interpolated(
    old: int, new: int, taps: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the pixels next to each new one's centre, and the weight of each."""
    centres = (np.arange(new) + 0.5) * (old / new) - 0.5
    places = np.floor(centres).astype(np.int64)[:, None] + np.arange(1 - taps // 2, taps // 2 + 1)
    distances = np.abs(centres[:, None] - places)
    shares = 1 - distances if taps == 2 else cubic(distances, a=-0.75)
    return places, shares
