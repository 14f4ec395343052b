"""How rough the windows of a photo are: noise differs from pixel to pixel, soft shapes do not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray
from degrade.compiled import is_compiled
from degrade.compiled.window_sums import sum_columns

__all__ = ["measure_roughness"]

_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]


def measure_roughness(
    pixels: AnyArray,
    tops: _Integers,
    lefts: _Integers,
    size: int,
    wanted: npt.NDArray[np.bool_],
) -> _Floats:
    """Measure the roughness of square windows.

    It is half the mean squared difference of neighbours, over the variance about the window's best
    plane: 1 for white noise; in general, one minus the correlation of neighbours. All sums are of
    whole numbers, so the result is the same on every machine.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 or uint16 array
    tops, lefts : (R,), (C,) int64 arrays
        Where the windows begin, ascending.
    size : int
        Side of a window, at least 2.
    wanted : (R, C) bool array
        Which windows to measure.

    Returns
    -------
    (R, C) float64 array
        1 where it is not wanted, and where nothing varies about the plane.
    """
    roughness = np.ones(wanted.shape)
    for row in np.flatnonzero(wanted.any(axis=1)):
        columns = np.flatnonzero(wanted[row])
        first, last = lefts[columns[0]], lefts[columns[-1]] + size
        strip = pixels[tops[row] : tops[row] + size, first:last]
        roughness[row, columns] = _along(strip, lefts[columns] - first)
    return roughness


def _along(strip: AnyArray, lefts: _Integers) -> _Floats:
    """Return the roughness of the windows of a strip as high as they are."""
    size = len(strip)
    levels, level_squares, moments, along_squares, down_squares = (
        sum_columns(strip) if strip.dtype == np.uint8 and is_compiled() else _sum_columns(strip)
    )
    count = size * size
    sums = _over_windows(levels, lefts, size)
    near, rest = np.divmod(sums, count)
    squares = _over_windows(level_squares, lefts, size)
    # About a whole number near the mean: nothing cancels.
    about = (squares - near * sums - near * rest) - rest * rest / count
    steepness = count * (count - 1) / 3.0
    down = 2 * _over_windows(moments, lefts, size) - (size - 1) * sums
    places = _over_windows(np.arange(len(levels)) * levels, lefts, size)
    along = 2 * (places - lefts * sums) - (size - 1) * sums
    slopes = [2.0 * moment / steepness for moment in (along, down)]
    left_over = about - sum(slope**2 * steepness / 4.0 for slope in slopes)
    pairs = size * (size - 1)
    rough = np.zeros(len(lefts))
    first, last = _grey(strip[0]), _grey(strip[-1])
    for steps, step_squares, slope, width in (
        (np.diff(levels), along_squares, slopes[0], size - 1),
        (last - first, down_squares, slopes[1], size),
    ):
        mean = _over_windows(steps, lefts, width) / pairs
        rough += _over_windows(step_squares, lefts, width) / pairs
        rough += slope * (slope - 2.0 * mean)
    result = np.ones(len(lefts))
    varies = left_over > 1e-6 * count
    np.divide(rough, 4.0 * left_over / count, out=result, where=varies)
    return np.maximum(result, 0.0)


def _grey(pixels: AnyArray) -> _Integers:
    """Return R + 2G + B: near to luma, and whole."""
    grey = pixels[..., 0].astype(np.int64) + 2 * pixels[..., 1].astype(np.int64) + pixels[..., 2]
    return np.asarray(grey, np.int64)


def _sum_columns(strip: AnyArray) -> _Integers:
    """Do what :func:`degrade.compiled.window_sums.sum_columns` does, of 16 bits, too."""
    grey = _grey(strip)
    sums = np.zeros((5, grey.shape[1]), np.int64)
    sums[0] = grey.sum(axis=0)
    sums[1] = (grey * grey).sum(axis=0)
    sums[2] = np.arange(len(grey)) @ grey
    for axis, total in ((1, sums[3, :-1]), (0, sums[4])):
        steps = np.diff(grey, axis=axis)
        total[:] = (steps * steps).sum(axis=0)
    return sums


def _over_windows(columns: _Integers, lefts: _Integers, width: int) -> _Integers:
    """Return the sums of ``width`` columns from each of ``lefts`` on."""
    running = np.concatenate(([0], np.cumsum(columns)))
    sums: _Integers = running[lefts + width] - running[lefts]
    return sums
