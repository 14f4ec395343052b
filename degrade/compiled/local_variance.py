"""How much the levels of an image vary around each pixel, compiled."""

from __future__ import annotations

import ctypes

import numpy as np

from degrade.arrays import FloatArray
from degrade.compiled.loading import pointer, required_code

__all__ = ["local_variance"]


def local_variance(levels: FloatArray) -> FloatArray:
    """Return the variance of :class:`degrade.degradation.steps.linear_light.LinearLight`.

    Parameters
    ----------
    levels : (h, w, 3) float32 array

    Returns
    -------
    (h, w, 3) float32 array
        In levels²: the bits that NumPy gives.

    Raises
    ------
    ValueError
        There are other channels than three.
    MemoryError
    RuntimeError
        The code is not compiled.
    """
    if levels.shape[2:] != (3,):
        raise ValueError(f"three channels are needed, got {levels.shape}")
    kept = np.ascontiguousarray(levels, np.float32)
    out = np.empty(levels.shape, np.float32)
    sides = map(ctypes.c_int64, levels.shape[:2])
    if required_code().degrade_local_variance(pointer(kept), *sides, pointer(out)):
        raise MemoryError
    return out
