"""The transform of JPEG: cosines of 8×8 blocks, at one phase of the grid or at all of them."""

from __future__ import annotations

import numpy as np

from degrade.arrays import FloatArray

__all__ = ["BLOCK", "block_coefficients", "coefficients_everywhere"]

BLOCK = 8


def _cosines() -> FloatArray:
    places = np.arange(BLOCK)
    rows = np.cos((2 * places + 1) * places[:, None] * np.pi / (2 * BLOCK)) / 2
    rows[0] /= np.sqrt(2)
    return rows.astype(np.float32)


_COSINES = _cosines()
_OF_BLOCKS = np.ascontiguousarray(np.kron(_COSINES, _COSINES).T)


def block_coefficients(planes: FloatArray, top: int, left: int) -> FloatArray:
    """Return the coefficients of all whole blocks of a grid.

    Parameters
    ----------
    planes : (N, H, W) float32 array
        Grey levels.
    top, left : int
        Where the first block begins.

    Returns
    -------
    (N, rows, columns, 64) float32 array
        Each block's row by row, from its mean (times 8) on.
    """
    count, height, width = planes.shape
    rows, columns = max(0, height - top) // BLOCK, max(0, width - left) // BLOCK
    cut = planes[:, top : top + rows * BLOCK, left : left + columns * BLOCK]
    blocks = cut.reshape(count, rows, BLOCK, columns, BLOCK).swapaxes(2, 3)
    found: FloatArray = blocks.reshape(count, rows, columns, BLOCK**2) @ _OF_BLOCKS
    return found


def coefficients_everywhere(plane: FloatArray) -> FloatArray:
    """Return the coefficients of the blocks that begin at each pixel.

    Parameters
    ----------
    plane : (H, W) float32 array

    Returns
    -------
    (H - 7, W - 7, 8, 8) float32 array
    """
    seen = np.lib.stride_tricks.sliding_window_view
    down = seen(plane, BLOCK, axis=0) @ _COSINES.T
    found: FloatArray = seen(down, BLOCK, axis=1) @ _COSINES.T
    return found
