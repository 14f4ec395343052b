"""White noise that is stronger on slopes, compiled."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.compiled.loading import pointer, required_code

__all__ = ["add_model_error"]


def add_model_error(
    levels: FloatArray,
    words: npt.NDArray[np.uint64],
    table: npt.NDArray[np.int16],
    size: tuple[float, float],
    steepest: float,
) -> FloatArray:
    """Add the noise of :class:`degrade.degradation.steps.model_error.ModelError`.

    Parameters
    ----------
    levels : (h, w, 3) float32 array
    words : (h · w,) uint64 array
        One a pixel: 16 bits each, the lowest first, choose from the table the number that all
        channels share, and that of each.
    table : (65536,) int16 array
        Of at most 4681, so that four of one and three of another stay below 2¹⁵.
    size : (base, slope)
        Of the noise for each unit of what is drawn; both are rounded to float32.
    steepest : float
        Steeper gradients count as this one.

    Returns
    -------
    (h, w, 3) float32 array
        The bits that NumPy gives, where each operation is rounded on its own.

    Raises
    ------
    MemoryError
    RuntimeError
        The code is not compiled.
    """
    code = required_code()
    kept = [
        np.ascontiguousarray(levels, np.float32),
        np.ascontiguousarray(words, np.uint64),
        np.ascontiguousarray(table, np.int16),
    ]
    out = np.empty(levels.shape, np.float32)
    failed = code.degrade_model_error(
        pointer(kept[0]),
        *map(ctypes.c_int64, levels.shape[:2]),
        *map(pointer, kept[1:]),
        *map(ctypes.c_float, (*size, steepest)),
        pointer(out),
    )
    if failed:
        raise MemoryError
    return out
