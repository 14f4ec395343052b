"""The windows of a photo that its history is read from: a few with detail, spread over it."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from degrade.arrays import FloatArray, U8Array
from degrade.luma import luma_fast

__all__ = ["LEAST_SIDE", "SIDE", "spread_windows"]

SIDE = 64
"""Side of a window in pixels."""

LEAST_SIDE = 128
"""Photos with a shorter side tell too little."""

_MOST_A_SIDE = 14
_NEAREST = 40
_COARSE = 4


def spread_windows(pixels_u8: U8Array) -> FloatArray:
    """Return the luma of at most 14 × 14 windows of a (H, W, 3) photo.

    The photo is divided into so many cells; each gives the window where every fourth pixel of
    every fourth row differs most from the next. In a small photo the windows overlap.

    Returns
    -------
    (N, 64, 64) float32 array
        On [0, 255]; N is at most 196.
    """
    height, width = pixels_u8.shape[:2]
    coarse = np.ascontiguousarray(pixels_u8[::_COARSE, ::_COARSE, 1])
    steps = cv2.absdiff(coarse[:-1, :-1], coarse[1:, 1:])
    near = cv2.blur(np.minimum(steps, 64), (SIDE // _COARSE, SIDE // _COARSE))
    rows, columns = (_cells(side) for side in (height, width))
    windows = []
    for first, last in rows:
        for start, end in columns:
            cell = near[_coarse(first, last), _coarse(start, end)]
            row, column = divmod(int(cell.argmax()), cell.shape[1])
            top = min(first + _COARSE * row, height - SIDE)
            left = min(start + _COARSE * column, width - SIDE)
            windows.append(pixels_u8[top : top + SIDE, left : left + SIDE])
    luma = luma_fast(np.concatenate(windows))
    return luma.reshape(-1, SIDE, SIDE).astype(np.float32)


def _cells(length: int) -> list[tuple[int, int]]:
    """Return where the windows of each cell may begin: from, and up to."""
    room = length - SIDE + 1
    count = min(_MOST_A_SIDE, max(room // _NEAREST, 1))
    ends = [number * room // count for number in range(count + 1)]
    return list(pairwise(ends))


def _coarse(first: int, last: int) -> slice:
    """Return the middles of the windows that begin there, in coarse pixels; at least one."""
    start = (first + SIDE // 2) // _COARSE
    return slice(start, max((last + SIDE // 2) // _COARSE, start + 1))
