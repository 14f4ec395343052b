"""How alike two images are in their local texture, whatever its phase."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from degrade.arrays import FloatArray, U8Array
from degrade.errors import InvalidValueError

__all__ = ["SMALLEST_SIDE", "WINDOW", "local_deviation", "texture_similarity"]

WINDOW = 11
"""Pixels a side."""

SMALLEST_SIDE = WINDOW // 2 + 1
"""Pixels of an image that is mirrored into the window."""

_SIGMA = 1.5
_CONSTANT = np.float32((0.03 * 255) ** 2)
_MIDDLE = np.float32(128)
_STRIP = 64
"""Rows at once: what is between stays in the processor's cache."""


def texture_similarity(first_u8: U8Array, second_u8: U8Array) -> FloatArray:
    """Return ``(2·σx·σy + C) / (σx² + σy² + C)``, averaged over the channels.

    σ is the standard deviation in a Gaussian window of 11 pixels (σ 1.5), C = (0.03·255)². The
    published map leaves out the outer 5 pixels; here images are mirrored at their edges (the edge
    pixel not repeated), so that the map has their size and is the published one inside.

    Parameters
    ----------
    first_u8, second_u8 : (H, W, 3) uint8 arrays
        Of at least 6 pixels a side.

    Returns
    -------
    (H, W) float32 array
        0 … 1; 1 where both have as much texture.

    Raises
    ------
    InvalidValueError
        The images are of different or of other shapes, or smaller.
    """
    if first_u8.shape != second_u8.shape or first_u8.ndim != 3:
        raise InvalidValueError(
            f"two (H, W, C) images of one size are compared, got {first_u8.shape} and "
            f"{second_u8.shape}"
        )
    if min(first_u8.shape[:2]) < SMALLEST_SIDE:
        raise InvalidValueError(f"an image must have at least {SMALLEST_SIDE} pixels a side")
    height, width, channels = first_u8.shape
    similar = np.empty((height, width), np.float32)
    # The formula's 2 in the end: σx·σy + C / 2 over the sum has the same bits, halved.
    twice_mean = np.full((1, channels), 1 / channels, np.float32) * np.float32(2)
    room = [np.empty((_STRIP + 2 * (WINDOW // 2), width, channels), np.float32) for _ in range(6)]
    for top in range(0, height, _STRIP):
        rows = slice(top, min(top + _STRIP, height))
        x, both = _variance(first_u8, rows, room[:3])
        y, _ = _variance(second_u8, rows, room[3:])
        np.add(x, y, out=both)
        both += _CONSTANT
        x *= y
        np.sqrt(x, out=x)
        x += _CONSTANT / 2
        x /= both
        cv2.transform(x, twice_mean, dst=similar[rows])
    return similar


def local_deviation(image_u8: U8Array) -> FloatArray:
    """Return the standard deviation in the window, averaged over the channels: (H, W) float32."""
    room = [np.empty(image_u8.shape, np.float32) for _ in range(3)]
    variance, _ = _variance(image_u8, slice(0, len(image_u8)), room)
    return np.asarray(np.sqrt(variance).mean(axis=2))


def _variance(
    image_u8: U8Array, rows: slice, room: Sequence[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Return the variance in the window around each pixel of some rows, and room for as many.

    It is not below 0. ``room`` are three arrays with the window's rows around: new ones for each
    strip would cost the system's time.
    """
    half = WINDOW // 2
    top, bottom = max(rows.start - half, 0), min(rows.stop + half, len(image_u8))
    levels, mean, square = (each[: bottom - top] for each in room)
    # Numbers near 0 lose little when their squares are subtracted.
    np.subtract(image_u8[top:bottom], _MIDDLE, out=levels)
    _blur(levels, mean)
    np.multiply(levels, levels, out=levels)
    _blur(levels, square)
    wanted = slice(rows.start - top, rows.stop - top)
    mean, square = mean[wanted], square[wanted]
    np.multiply(mean, mean, out=mean)
    square -= mean
    np.maximum(square, 0, out=square)
    return square, mean


def _blur(levels: FloatArray, out: FloatArray) -> None:
    taps = cv2.getGaussianKernel(WINDOW, _SIGMA, cv2.CV_32F)
    border = cv2.BORDER_REFLECT_101
    cv2.sepFilter2D(levels, cv2.CV_32F, taps, taps, dst=out, borderType=border)
