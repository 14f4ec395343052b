"""How rough the windows of a photo are: noise differs from pixel to pixel, soft shapes do not."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray

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
    # R + 2G + B: near to luma, and whole.
    grey = strip[..., 0].astype(np.int64) + 2 * strip[..., 1].astype(np.int64) + strip[..., 2]
    count, odd = size * size, 2 * np.arange(size) - (size - 1)
    sums = _over_windows(grey.sum(axis=0), lefts, size)
    near, rest = np.divmod(sums, count)
    squares = _over_windows((grey * grey).sum(axis=0), lefts, size)
    # About a whole number near the mean: nothing cancels.
    about = (squares - near * sums - near * rest) - rest * rest / count
    steepness = count * (count - 1) / 3.0
    down = _over_windows(odd @ grey, lefts, size)
    columns = np.arange(grey.shape[1])
    places = _over_windows(columns * grey.sum(axis=0), lefts, size)
    along = 2 * (places - lefts * sums) - (size - 1) * sums
    slopes = [2.0 * moment / steepness for moment in (along, down)]
    left_over = about - sum(slope**2 * steepness / 4.0 for slope in slopes)
    pairs = size * (size - 1)
    rough = np.zeros(len(lefts))
    for axis, slope, width in ((1, slopes[0], size - 1), (0, slopes[1], size)):
        steps = np.diff(grey, axis=axis)
        mean = _over_windows(steps.sum(axis=0), lefts, width) / pairs
        rough += _over_windows((steps * steps).sum(axis=0), lefts, width) / pairs
        rough += slope * (slope - 2.0 * mean)
    result = np.ones(len(lefts))
    varies = left_over > 1e-6 * count
    np.divide(rough, 4.0 * left_over / count, out=result, where=varies)
    return np.maximum(result, 0.0)


def _over_windows(columns: _Integers, lefts: _Integers, width: int) -> _Integers:
    """Return the sums of ``width`` columns from each of ``lefts`` on."""
    running = np.concatenate(([0], np.cumsum(columns)))
    sums: _Integers = running[lefts + width] - running[lefts]
    return sums
