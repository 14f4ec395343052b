"""Levels clipped to 8 bits and rounded, compiled."""

from __future__ import annotations

import ctypes

import numpy as np

from degrade.arrays import FloatArray, U8Array
from degrade.compiled.loading import pointer, required_code

__all__ = ["clip_levels"]


def clip_levels(levels: FloatArray) -> tuple[U8Array, int]:
    """Clip levels to 0 … 255 and round them, halves to even.

    Parameters
    ----------
    levels : float32 array of any shape
        Fewer than 2³² values, in 8-bit grey levels.

    Returns
    -------
    (the same shape) uint8 array
    moved : int
        By how much clipping moved all of them together, in units of 2⁻¹⁶ level: each is rounded to
        that on its own, and counts as 2¹⁴ levels at most.

    Raises
    ------
    RuntimeError
        The code is not compiled.
    """
    code = required_code()
    levels = np.ascontiguousarray(levels, np.float32)
    out = np.empty(levels.shape, np.uint8)
    code.degrade_round_levels.restype = ctypes.c_int64
    moved = code.degrade_round_levels(pointer(levels), ctypes.c_int64(levels.size), pointer(out))
    return out, int(moved)
