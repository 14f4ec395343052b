"""Sums over cells of an 8-bit photo, and over the columns of a strip of it, compiled."""

from __future__ import annotations

import ctypes

import numpy as np
import numpy.typing as npt

from degrade.arrays import U8Array
from degrade.compiled.loading import pointer, required_code

__all__ = ["PLANES", "sum_columns", "sum_over_cells"]

PLANES = 10
"""Of sums over cells: R, G, B, their squares, R·G, G·B, B·R, and the pixels that are clipped."""

_Integers = npt.NDArray[np.int64]


def sum_over_cells(pixels: U8Array, rows: _Integers, columns: _Integers) -> _Integers:
    """Sum over the cells that ``rows`` and ``columns`` cut a photo into.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 array
    rows, columns : int64 arrays
        Edges of cells in the photo, ascending, at least two of each.

    Returns
    -------
    (10, rows - 1, columns - 1) int64 array
        By the planes that :data:`PLANES` names. A pixel is clipped with a sample at 0 or 255.

    Raises
    ------
    MemoryError
    RuntimeError
        The code is not compiled.
    """
    code = required_code()
    pixels = np.ascontiguousarray(pixels)
    edges = [np.ascontiguousarray(at, np.int64) for at in (rows, columns)]
    cells = np.zeros((PLANES, len(rows) - 1, len(columns) - 1), np.int64)
    failed = code.degrade_window_sums(
        pointer(pixels),
        *map(ctypes.c_int64, pixels.shape[:2]),
        pointer(edges[0]),
        ctypes.c_int64(len(rows) - 1),
        pointer(edges[1]),
        ctypes.c_int64(len(columns) - 1),
        pointer(cells),
    )
    if failed:
        raise MemoryError
    return cells


def sum_columns(strip: U8Array) -> _Integers:
    """Sum over the columns of a strip's grey levels R + 2G + B.

    Parameters
    ----------
    strip : (H, W, 3) uint8 array
        Of less than 2³¹ rows; it may be a part of a photo.

    Returns
    -------
    (5, W) int64 array
        Of each column the sums of the levels, of their squares, of level · row, and of the squares
        of the steps to the next column (0 in the last) and from row to row.

    Raises
    ------
    MemoryError
    RuntimeError
        The code is not compiled.
    """
    code = required_code()
    if strip.strides[1:] != (3, 1) or strip.strides[0] < 0:
        strip = np.ascontiguousarray(strip)
    height, width = strip.shape[:2]
    sums = np.zeros((5, width), np.int64)
    failed = code.degrade_strip_sums(
        pointer(strip),
        *map(ctypes.c_int64, (strip.strides[0], height, width)),
        pointer(sums),
    )
    if failed:
        raise MemoryError
    return sums
