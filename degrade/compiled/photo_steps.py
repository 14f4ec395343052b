"""How neighbouring pixels of a gray 8-bit photo differ: over cells, along lines, within windows."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from degrade.arrays import U8Array
from degrade.compiled.loading import pointer, required_code

__all__ = ["find_edges", "step_cells", "step_lines", "step_windows"]

_CELL, _SIDE = 16, 32
_MOST = 255
_LONGEST = 2**24

_Integers = npt.NDArray[np.int64]
_Sums = npt.NDArray[np.uint32]


def step_cells(luma: U8Array, *, darkest: int, brightest: int) -> _Sums:
    """Sum the squares of steps over cells of 16×16 pixels.

    Parameters
    ----------
    luma : (16 R + 1, 16 C + 1) uint8 array
        It may be a part of a photo, whose rows are in one piece.
    darkest, brightest : int
        Pixels at most, and at least, as bright are clipped.

    Returns
    -------
    (5, R, C) uint32 array
        The squares of steps to the right, down, to the right and down, and from the right down; and
        how many pixels are clipped.

    Raises
    ------
    MemoryError
    RuntimeError
        The code is not compiled.
    ValueError
        The photo is of another kind or size.
    """
    _check_photo(luma)
    if any(side % _CELL != 1 for side in luma.shape):
        raise ValueError(f"both sides must be a multiple of {_CELL} and 1, got {luma.shape}")
    code = required_code()
    luma = _in_rows(luma)
    rows, columns = ((side - 1) // _CELL for side in luma.shape)
    cells = np.empty((5, rows, columns), np.uint32)
    numbers = (luma.strides[0], rows, columns, darkest, brightest)
    if code.degrade_cell_steps(pointer(luma), *map(ctypes.c_int64, numbers), pointer(cells)):
        raise MemoryError
    return cells


def step_lines(luma: U8Array, *, order: int, most: int) -> tuple[_Sums, _Sums]:
    """Sum the sizes of differences along rows over the rows, and along columns over the columns.

    Parameters
    ----------
    luma : (H, W) uint8 array
        Both sides more than ``order`` and less than 2²⁴.
    order : int
        1: of neighbours; 2: of neighbouring differences.
    most : int
        Larger differences count as this, 255 at most.

    Returns
    -------
    (W - order,), (H - order,) uint32 arrays

    Raises
    ------
    MemoryError
    RuntimeError
        The code is not compiled.
    ValueError
        ``order`` or ``most`` are others, or the photo is of another kind or size.
    """
    _check_photo(luma)
    fits = order < min(luma.shape) and max(luma.shape) < _LONGEST
    if order not in (1, 2) or not 0 <= most <= _MOST or not fits:
        raise ValueError(f"no differences of order {order}, {most} at most, of {luma.shape}")
    code = required_code()
    luma = _in_rows(luma)
    height, width = luma.shape
    along, down = np.zeros(width - order, np.uint32), np.zeros(height - order, np.uint32)
    numbers = (luma.strides[0], height, width, order, most)
    if code.degrade_line_steps(
        pointer(luma), *map(ctypes.c_int64, numbers), pointer(along), pointer(down)
    ):
        raise MemoryError
    return along, down


def step_windows(
    windows: U8Array, shifts: Sequence[tuple[int, int]]
) -> tuple[npt.NDArray[np.int32], _Integers]:
    """Compare the pixels of windows that lie some way apart.

    Parameters
    ----------
    windows : (N, 32, 32) uint8 array
    shifts : sequence of (down, right)
        ``down`` at least 0, both shorter than a window.

    Returns
    -------
    largest : (N, S) int32 array
        The size of the largest difference, for each shift.
    fourth : (N, S) int64 array
        The sum of their fourth powers.

    Raises
    ------
    MemoryError
    RuntimeError
        The code is not compiled.
    ValueError
        The windows, or a shift, are of another size.
    """
    if any(not 0 <= down < _SIDE or abs(right) >= _SIDE for down, right in shifts):
        raise ValueError(f"no shifts within a window: {shifts}")
    code, windows = required_code(), _checked(windows)
    steps = np.array(shifts, np.int64)
    largest = np.empty((len(windows), len(shifts)), np.int32)
    fourth = np.empty(largest.shape, np.int64)
    failed = code.degrade_window_steps(
        pointer(windows),
        ctypes.c_int64(len(windows)),
        pointer(steps),
        ctypes.c_int64(len(shifts)),
        pointer(largest),
        pointer(fourth),
    )
    if failed:
        raise MemoryError
    return largest, fourth


def find_edges(windows: U8Array, directions: Sequence[tuple[int, int, int, int]]) -> _Integers:
    """Find the strongest edge of windows across some directions.

    Parameters
    ----------
    windows : (N, 32, 32) uint8 array
    directions : sequence of (down, right, margin of rows, margin of columns)
        Compared are the pixels a step before and a step behind each pixel within the margins, which
        are at least as long as the step, and shorter than half a window.

    Returns
    -------
    (N, D) int64 array
        Where within the margins, counted row by row, they differ most; of several the first.

    Raises
    ------
    MemoryError
    RuntimeError
        The code is not compiled.
    ValueError
        The windows, or a direction, are others.
    """
    for down, right, top, left in directions:
        if not (abs(down) <= top < _SIDE // 2 and abs(right) <= left < _SIDE // 2):
            raise ValueError(f"no direction within a window: {(down, right, top, left)}")
    code, windows = required_code(), _checked(windows)
    asked = np.array(directions, np.int64)
    places = np.empty((len(windows), len(directions)), np.int64)
    failed = code.degrade_window_edges(
        pointer(windows),
        ctypes.c_int64(len(windows)),
        pointer(asked),
        ctypes.c_int64(len(directions)),
        pointer(places),
    )
    if failed:
        raise MemoryError
    return places


def _check_photo(luma: U8Array) -> None:
    if luma.ndim != 2 or luma.dtype != np.uint8:
        raise ValueError(f"a photo must be (H, W) uint8, got {luma.shape} {luma.dtype}")


def _in_rows(luma: U8Array) -> U8Array:
    """Return the photo with the pixels of each row side by side."""
    return luma if luma.strides[1] == 1 and luma.strides[0] > 0 else np.ascontiguousarray(luma)


def _checked(windows: U8Array) -> U8Array:
    if windows.shape[1:] != (_SIDE, _SIDE) or windows.dtype != np.uint8:
        raise ValueError(f"windows must be (N, 32, 32) uint8, got {windows.shape} {windows.dtype}")
    return np.ascontiguousarray(windows)
