"""Undoing the filters of a PNG's rows (PNG specification, 9.2), compiled."""

from __future__ import annotations

import ctypes

import numpy as np

from degrade.arrays import U8Array
from degrade.compiled.loading import pointer, required_code

__all__ = ["undo_filters"]

_UNKNOWN = -1


def undo_filters(content: U8Array, pixel_bytes: int) -> U8Array | None:
    """Return rows as they were before they were filtered.

    Parameters
    ----------
    content : (rows, 1 + bytes) uint8 array
        Each row begins with the number of its filter.
    pixel_bytes : {1, 2, 3, 4, 6, 8}
        Of a pixel; a row is a whole number of them.

    Returns
    -------
    (rows, bytes) uint8 array or None
        None: a row has a filter that is not known.

    Raises
    ------
    MemoryError
    RuntimeError
        The code is not compiled.
    """
    code = required_code()
    content = np.ascontiguousarray(content)
    rows, length = content.shape
    out = np.empty((rows, length - 1), np.uint8)
    done = code.degrade_undo_filters(
        pointer(content),
        ctypes.c_int64(rows),
        ctypes.c_int64(length - 1),
        pixel_bytes,
        pointer(out),
    )
    if done not in (0, _UNKNOWN):
        raise MemoryError
    return None if done else out
