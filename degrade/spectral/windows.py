"""Choosing the windows of a photo that tell most about its blur."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray, U8Array
from degrade.compiled import is_compiled
from degrade.compiled.photo_steps import step_cells

__all__ = [
    "CELL",
    "SIDE",
    "Cells",
    "choose_windows",
    "cut_windows",
    "flattest_windows",
    "measure_cells",
]

SIDE = 32
"""Side of a window in pixels."""

CELL = 16
"""Windows start at multiples of this."""

_STRIP = 32
_DARKEST, _BRIGHTEST = 2, 253
_CLIPPED_SHARE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """What each window holds; window (i, j) starts at pixel (16·i, 16·j).

    Attributes
    ----------
    energy : (4, rows, columns) float32 array
        Mean squared differences of neighbours along the row, the column and both diagonals.
    clipped : (rows, columns) float32 array
        The share of pixels that are black or white.
    """

    energy: FloatArray
    clipped: FloatArray

    def part(self, rows: slice, columns: slice) -> Cells:
        """Return the cells of a part of the photo."""
        return Cells(self.energy[:, rows, columns], self.clipped[rows, columns])


def measure_cells(luma_u8: U8Array) -> Cells:
    """Measure all windows of a (H, W) uint8 image, at least 33 pixels a side.

    Sums of cells are whole numbers that float32 holds, so all forms give the same bits.
    """
    cells = _measure_compiled(luma_u8) if is_compiled() else _measure_by_strips(luma_u8)
    sums: FloatArray = cells[:, :-1, :-1] + cells[:, 1:, :-1] + cells[:, :-1, 1:] + cells[:, 1:, 1:]
    sums *= np.float32(0.25)
    return Cells(energy=sums[:4], clipped=sums[4])


def _measure_compiled(luma_u8: U8Array) -> FloatArray:
    height, width = ((side - 1) // CELL * CELL + 1 for side in luma_u8.shape)
    sums = step_cells(luma_u8[:height, :width], darkest=_DARKEST, brightest=_BRIGHTEST)
    return sums.astype(np.float32) / np.float32(CELL**2)


def _measure_by_strips(luma_u8: U8Array) -> FloatArray:
    """Go by strips of rows, so that a large photo never lies in memory as floats."""
    rows, columns = ((side - 1) // CELL for side in luma_u8.shape)
    width = columns * CELL
    strips = []
    for top in range(0, rows, _STRIP):
        height = (min(top + _STRIP, rows) - top) * CELL
        strip = luma_u8[top * CELL : top * CELL + height + 1, : width + 1].astype(np.float32)
        strips.append(_measure_strip(strip, (columns, height // CELL)))
    return np.concatenate(strips, axis=1)


def _measure_strip(strip: FloatArray, size: tuple[int, int]) -> FloatArray:
    corner = strip[:-1, :-1]
    pairs = (
        (strip[:-1, 1:], corner),
        (strip[1:, :-1], corner),
        (strip[1:, 1:], corner),
        (strip[1:, :-1], strip[:-1, 1:]),
    )
    means = []
    for one, other in pairs:
        difference = cv2.subtract(one, other)
        cv2.multiply(difference, difference, difference)
        means.append(cv2.resize(difference, size, interpolation=cv2.INTER_AREA))
    clipped = ((corner <= _DARKEST) | (corner >= _BRIGHTEST)).astype(np.float32)
    means.append(cv2.resize(clipped, size, interpolation=cv2.INTER_AREA))
    return np.array([mean.reshape(size[::-1]) for mean in means])


def choose_windows(
    cells: Cells, *, per_direction: int, flat: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Choose the windows with the strongest edges across each direction, and the flattest ones.

    Clipped windows count for less: clipping bends edges as no kernel does.

    Parameters
    ----------
    cells : Cells
    per_direction : int
        How many windows to take for each of the four directions; one may serve several.
    flat : int
        How many flat ones.

    Returns
    -------
    strong : (N, 2) int64 array
        Top-left corners, row and column, in pixels; N is at most four times ``per_direction``.
    flattest : (M, 2) int64 array
    """
    fading = np.exp(-cells.clipped / _CLIPPED_SHARE) + 1e-6
    count = cells.clipped.size
    chosen = [
        _largest((energy * fading).ravel(), min(per_direction, count)) for energy in cells.energy
    ]
    strong = np.unique(np.concatenate(chosen))
    return _corners(strong, cells), flattest_windows(cells, flat)


def flattest_windows(cells: Cells, count: int) -> npt.NDArray[np.int64]:
    """Return the corners of the flattest windows, as :func:`choose_windows` does."""
    flattest = _largest(-cells.energy.sum(axis=0).ravel(), min(count, cells.clipped.size))
    return _corners(flattest, cells)


def _largest(values: FloatArray, count: int) -> npt.NDArray[np.int64]:
    """Return where the largest values are; of equal ones, as in tiled images, the first."""
    least = np.partition(values, -count)[-count]
    (some,) = np.nonzero(values >= least)
    return some[np.argsort(-values[some], kind="stable")[:count]]


def _corners(indices: npt.NDArray[np.int64], cells: Cells) -> npt.NDArray[np.int64]:
    return np.stack(np.unravel_index(indices, cells.clipped.shape), axis=1) * CELL


def cut_windows(luma_u8: U8Array, corners: npt.NDArray[np.int64]) -> U8Array:
    """Return the windows at ``corners`` as (N, 32, 32) uint8."""
    views = np.lib.stride_tricks.sliding_window_view(luma_u8, (SIDE, SIDE))
    return views[corners[:, 0], corners[:, 1]]
