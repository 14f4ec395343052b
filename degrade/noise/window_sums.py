"""Exact sums over many windows of a photo: of its samples, their squares and products.

The edges of all windows cut the photo into cells. The cells are summed in one pass, then every
window is a difference of four sums of cells. All sums are integers, so the result is the same on
every machine and in whatever order they are added up.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray
from degrade.compiled import is_compiled
from degrade.compiled.window_sums import PLANES, sum_over_cells

__all__ = ["CLIPPED", "PRODUCTS", "SQUARES", "SUMS", "CellGrid", "sum_cells"]

SUMS = slice(0, 3)
"""Planes of R, G and B."""
SQUARES = slice(3, 6)
"""Planes of R², G² and B²."""
PRODUCTS = slice(6, 9)
"""Planes of R·G, G·B and B·R."""
CLIPPED = 9
"""Plane that counts the pixels with a sample at 0 or at the maximum."""

_MOST_ROWS = 64
"""Rows summed at once: they stay in the processor's cache, and 64 · 255² < 2^24, so that each of
their sums is exact in float32."""

_MOST_COLUMNS = 2**14
"""Columns summed at once: 2^14 · 64 · 65535² < 2^53, so that each of their sums is exact."""

_ROWS_ADDED = 8
"""Rows of a full band that one call adds to as many rows of sums."""

_BANDS_AT_ONCE = 4

_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class CellGrid:
    """Integral images of a photo, known at the corners of its cells.

    Attributes
    ----------
    rows, columns : (R,), (C,) int64 arrays
        Where the cells begin and end, ascending.
    integrals : (10, R, C) int64 array
        Sums over what lies above and left of each corner, by the planes of this module.
    """

    rows: _Integers
    columns: _Integers
    integrals: _Integers

    def over(self, tops: _Integers, lefts: _Integers, side: int) -> _Integers:
        """Return the (10, len(tops), len(lefts)) sums over square windows.

        Every window's edges must be edges of cells.
        """
        top, bottom = (np.searchsorted(self.rows, edge) for edge in (tops, tops + side))
        left, right = (np.searchsorted(self.columns, edge) for edge in (lefts, lefts + side))
        strips = self.integrals[:, bottom] - self.integrals[:, top]
        sums: _Integers = strips[:, :, right] - strips[:, :, left]
        return sums


def sum_cells(pixels: AnyArray, rows: _Integers, columns: _Integers) -> CellGrid:
    """Sum over the cells that ``rows`` and ``columns`` cut a photo into.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 or uint16 array
        Of less than 2^31 pixels.
    rows, columns : int64 arrays
        Edges of cells, ascending; the columns from 0 to W.
    """
    if pixels.dtype == np.uint8 and is_compiled():
        integrals = np.zeros((PLANES, len(rows), len(columns)), np.int64)
        _integrate(sum_over_cells(pixels, rows, columns), integrals[:, 1:, 1:])
        return CellGrid(rows, columns, integrals)
    rows = np.union1d(rows, np.arange(rows[0], rows[-1], _MOST_ROWS))
    columns = np.union1d(columns, np.arange(columns[0], columns[-1], _MOST_COLUMNS))
    integrals = np.zeros((PLANES, len(rows), len(columns)), np.int64)
    cells = integrals[:, 1:, 1:]
    summer = _BandSummer(pixels)
    bands = np.empty((PLANES, _BANDS_AT_ONCE, pixels.shape[1]))
    for first in range(0, len(rows) - 1, _BANDS_AT_ONCE):
        edges = rows[first : first + _BANDS_AT_ONCE + 1]
        for band, (top, bottom) in enumerate(pairwise(edges)):
            summer.sum_rows(top, bottom, bands[:, band])
        sums = np.add.reduceat(bands[:, : len(edges) - 1], columns[:-1], axis=2)
        cells[:, first : first + len(edges) - 1] = sums
    _integrate(cells, cells)
    return CellGrid(rows, columns, integrals)


def _integrate(cells: _Integers, integrals: _Integers) -> None:
    np.cumsum(cells, axis=1, out=integrals)
    np.cumsum(integrals, axis=2, out=integrals)


class _BandSummer:
    """Sums over rows; its buffers are made once, which would take most of the time otherwise."""

    def __init__(self, pixels: AnyArray) -> None:
        width = pixels.shape[1]
        self._pixels = pixels
        # R, G, B and R again side by side: each channel's neighbour is its other factor.
        self._colours = np.empty((_MOST_ROWS, 4 * width), pixels.dtype)
        is_short = pixels.dtype == np.uint8
        self._sums = np.empty((2, _ROWS_ADDED, 3 * width), np.float32 if is_short else np.float64)
        self._extremes = np.empty((2, _MOST_ROWS, width), pixels.dtype)
        self._is_clipped = np.empty((2, _MOST_ROWS, width), np.bool_)
        self._peak = np.iinfo(pixels.dtype).max

    def sum_rows(self, top: int, bottom: int, planes: npt.NDArray[np.float64]) -> None:
        """Set (10, W) planes to the sums over at most 64 rows."""
        count, width = bottom - top, self._pixels.shape[1]
        colours = self._colours[:count]
        r, g, b, again = (colours[:, at * width : (at + 1) * width] for at in range(4))
        cv2.split(self._pixels[top:bottom], [r, g, b])
        again[:] = r
        rgb, gbr = colours[:, : 3 * width], colours[:, width:]
        planes[SUMS] = cv2.reduce(rgb, 0, cv2.REDUCE_SUM, dtype=cv2.CV_64F).reshape(3, width)
        # OpenCV accumulates whole images: some rows at a time, to make few calls of it.
        block = -(-count * _ROWS_ADDED // _MOST_ROWS)
        squares, products = sums = self._sums[:, :block]
        sums[:] = 0
        for first in range(0, count, block):
            some = slice(first, min(first + block, count))
            length = some.stop - first
            cv2.accumulateSquare(rgb[some], squares[:length])
            cv2.accumulateProduct(rgb[some], gbr[some], products[:length])
        for plane, rows in ((SQUARES, squares), (PRODUCTS, products)):
            planes[plane] = cv2.reduce(rows, 0, cv2.REDUCE_SUM).reshape(3, width)
        self._count_clipped(rgb, planes[CLIPPED])

    def _count_clipped(self, rgb: AnyArray, counts: npt.NDArray[np.float64]) -> None:
        counts[:] = 0
        least, most, _, _ = cv2.minMaxLoc(rgb)
        if least > 0 and most < self._peak:
            return
        r, g, b = np.split(rgb, 3, axis=1)
        extremes, is_clipped = self._extremes[:, : len(rgb)], self._is_clipped[:, : len(rgb)]
        for of_two, at in ((np.minimum, 0), (np.maximum, 1)):
            of_two(of_two(r, g, out=extremes[at]), b, out=extremes[at])
            np.equal(extremes[at], at * self._peak, out=is_clipped[at])
        is_clipped[0] |= is_clipped[1]
        clipped = is_clipped[0].view(np.uint8)
        counts[:] = cv2.reduce(clipped, 0, cv2.REDUCE_SUM, dtype=cv2.CV_64F)
