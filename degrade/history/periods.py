"""Periods that interpolation leaves: every so many pixels a photo is smoother.

An interpolated pixel is a mean of its neighbours, the more the further it lies from an original
one. So the size of first and second differences, averaged along rows and columns, repeats with the
distance of the original pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import U8Array

__all__ = ["FREQUENCIES", "PeriodLines", "measure_periods"]

_Floats = npt.NDArray[np.float64]

FREQUENCIES = np.linspace(0, 0.5, 1025)
"""In cycles per pixel: where :class:`PeriodLines` are told."""

_GREEN = 1
_BANDS, _MOST_PIXELS = 8, 2**20
_OFFSET = 0.05
_AROUND = 9
_LOUDEST = 5.0
_NORMAL_MEDIAN = 0.6745


@dataclass(frozen=True, slots=True, eq=False)
class PeriodLines:
    """How much stronger the differences repeat at each of ``FREQUENCIES`` than around it.

    Attributes
    ----------
    first, second : (1025,) float64 array
        Of first and of second differences: the geometric mean of rows and columns. Without
        periods about 0.4 to 5.
    """

    first: _Floats
    second: _Floats


def measure_periods(pixels_u8: U8Array) -> PeriodLines:
    """Measure the periods along rows and columns of a (H, W, 3) uint8 photo.

    Eight bands of rows and eight of columns are looked at, spread over the photo, each as long as
    it and together of at most a million pixels; in green, since what cameras interpolate of their
    colour mosaic repeats with every second column in red and blue.

    References
    ----------
    Gallagher, "Detection of Linear and Cubic Interpolation in JPEG Compressed Images", CRV 2005.
    """
    both = [_lines_along(pixels_u8, turned) for turned in (False, True)]
    first, second = (np.sqrt(one * other) for one, other in zip(*both, strict=True))
    return PeriodLines(first, second)


def _lines_along(pixels: U8Array, turned: bool) -> tuple[_Floats, _Floats]:
    height, width = pixels.shape[1::-1] if turned else pixels.shape[:2]
    rows = min(height, max(_MOST_PIXELS // (_BANDS * width), 8))
    count = 1 if height <= rows * _BANDS else _BANDS
    rows = height if count == 1 else rows
    sums = [np.zeros(width - order) for order in (1, 2)]
    for number in range(count):
        top = number * (height - rows) // max(count - 1, 1)
        band = _green(pixels[:, top : top + rows] if turned else pixels[top : top + rows])
        band = np.asarray(cv2.transpose(band), np.uint8) if turned else band
        steps = cv2.subtract(band[:, 1:], band[:, :-1], dtype=cv2.CV_16S)
        bends = cv2.absdiff(steps[:, 1:], steps[:, :-1])
        sizes_of = cv2.absdiff(band[:, 1:], band[:, :-1]), bends
        for total, sizes in zip(sums, sizes_of, strict=True):
            means = cv2.reduce(sizes, 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F)[0]
            total += means / (means.mean() + _OFFSET)
    first, second = (_whitened(total) for total in sums)
    return first, second


def _green(pixels: U8Array) -> U8Array:
    return np.asarray(cv2.extractChannel(pixels, _GREEN), np.uint8)


def _whitened(profile: _Floats) -> _Floats:
    """Return the power at ``FREQUENCIES`` over that of the frequencies around."""
    around = cv2.blur(profile[None], (_AROUND, 1), borderType=cv2.BORDER_REFLECT)[0]
    rest = profile - around
    spread = np.median(np.abs(rest)) / _NORMAL_MEDIAN + 1e-9
    rest = np.clip(rest, -_LOUDEST * spread, _LOUDEST * spread) * np.hanning(len(rest))
    power = np.abs(np.fft.rfft(rest)) ** 2
    level = np.minimum(power, 6 * np.median(power))
    near = cv2.blur(level[None], (max(_AROUND, len(power) // 16) | 1, 1))[0]
    power /= near + 1e-12
    places = np.linspace(0, 0.5, len(power))
    if len(power) <= len(FREQUENCIES):
        return np.asarray(np.interp(FREQUENCIES, places, power))
    # The highest of those that fall to each.
    starts = np.searchsorted(places, FREQUENCIES - FREQUENCIES[1] / 2)
    highest: _Floats = np.maximum.reduceat(power, starts)
    return highest
