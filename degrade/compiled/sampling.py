"""Blurring an 8-bit image and keeping every step-th pixel, compiled."""

from __future__ import annotations

import ctypes

import numpy as np

from degrade.arrays import FloatArray, U8Array
from degrade.compiled.loading import pointer, required_code

__all__ = ["sample"]


def sample(
    image_u8: U8Array,
    taps: FloatArray,
    step: int,
    box: tuple[int, int, int, int],
    unit: float,
) -> FloatArray:
    """Correlate a part of an image with integer taps at every ``step``-th pixel.

    Parameters
    ----------
    image_u8 : (H, W, C) uint8 array
        Mirrored outside, its edge repeated.
    taps : (K, K) float32 array
        Integers, so small that no sum of their products with 128 reaches 2²⁴.
    step : int
    box : (top, left, rows, columns)
        The pixel that the first tap of the first sum reads, which may lie outside; how many sums.
    unit : float
        A power of two, by which the sums are multiplied.

    Returns
    -------
    (rows, columns, C) float32 array
        unit · Σ taps · (pixel - 128) + 128, exact.

    Raises
    ------
    MemoryError
    RuntimeError
        The code is not compiled.
    """
    code = required_code()
    image, weights = np.ascontiguousarray(image_u8), np.ascontiguousarray(taps, np.float32)
    height, width, channels = image.shape
    top, left, rows, columns = box
    out = np.empty((rows, columns, channels), np.float32)
    failed = code.degrade_sample(
        pointer(image),
        *map(ctypes.c_int64, (height, width)),
        channels,
        pointer(weights),
        len(weights),
        step,
        *map(ctypes.c_int64, (top, left, rows, columns)),
        ctypes.c_float(unit),
        pointer(out),
    )
    if failed:
        raise MemoryError
    return out
