"""How much the levels of an image vary around each pixel, compiled."""

from __future__ import annotations

import ctypes

import numpy as np

from degrade.arrays import FloatArray
from degrade.compiled.loading import pointer, required_code

__all__ = ["add_linear_light", "local_variance"]


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


def add_linear_light(levels: FloatArray, gain: float) -> FloatArray:
    """Add the variance to levels, less its mean, times a gain.

    Parameters
    ----------
    levels : (h, w, 3) float32 array
        Not empty.
    gain : float
        Rounded to float32.

    Returns
    -------
    (h, w, 3) float32 array
        The bits that NumPy gives, where each operation is rounded on its own. The mean is of
        variances rounded to 1/256, whose sum is the same in any order.

    Raises
    ------
    ValueError, MemoryError, RuntimeError
        As for :func:`local_variance`.
    """
    if levels.shape[2:] != (3,):
        raise ValueError(f"three channels are needed, got {levels.shape}")
    kept = np.ascontiguousarray(levels, np.float32)
    out = np.empty(levels.shape, np.float32)
    sides = map(ctypes.c_int64, levels.shape[:2])
    failed = required_code().degrade_linear_light(
        pointer(kept), *sides, ctypes.c_float(gain), pointer(out)
    )
    if failed:
        raise MemoryError
    return out
