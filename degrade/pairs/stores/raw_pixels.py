"""Windows of images that lie in a file as plain RGB bytes."""

from __future__ import annotations

import os

import numpy as np

from degrade.arrays import Box, U8Array
from degrade.errors import CorruptDataError
from degrade.pairs.pair_records import Shape

__all__ = ["read_image", "read_window"]


def read_image(descriptor: int, start: int, shape: Shape) -> U8Array:
    """Return an (h, w, 3) uint8 image whose bytes begin at ``start``; errors as below."""
    return read_window(descriptor, start, shape, (0, 0, *shape[:2]))


def read_window(descriptor: int, start: int, shape: Shape, box: Box) -> U8Array:
    """Return a window of an image, reading its rows in one piece and nothing else.

    Reading, not mapping: a file that was cut off since it was opened gives an error, where a map
    would end the process with SIGBUS.

    Parameters
    ----------
    descriptor : int
        Of a file that is open for reading.
    start : int
        Where the image begins in it.
    shape : (height, width, 3)
        Of the whole image.
    box : (top, left, height, width)
        Lies within the image.

    Returns
    -------
    (height, width, 3) uint8 array
        RGB; the caller's own, its rows not contiguous when the window is narrower than the image.

    Raises
    ------
    CorruptDataError
        The file ends before the window does.
    OSError
        It cannot be read.
    """
    top, left, height, width = box
    rows = np.empty((height, shape[1], 3), np.uint8)
    offset = start + top * shape[1] * 3
    if os.preadv(descriptor, [rows.data], offset) != rows.nbytes:
        raise CorruptDataError(f"bytes {offset}…{offset + rows.nbytes} cannot be read")
    return rows[:, left : left + width]
