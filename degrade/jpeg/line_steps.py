"""How much neighbouring pixels differ, line by line: where blocks and interpolations show."""

from __future__ import annotations

import numpy as np

from degrade.arrays import AnyArray, FloatArray, U8Array
from degrade.compiled import is_compiled
from degrade.compiled.photo_steps import step_lines

__all__ = ["mean_steps"]


def mean_steps(luma_u8: U8Array, *, order: int, most: int) -> tuple[FloatArray, FloatArray]:
    """Return the mean sizes of differences along rows, by column, and along columns, by row.

    They are sums of whole numbers, divided once: the same bits with compiled code and without.

    Parameters
    ----------
    luma_u8 : (H, W) uint8 array
        Both sides more than ``order``.
    order : int
        1: differences of neighbours; 2: of neighbouring differences.
    most : int
        Grey levels; larger differences count as this, 255 at most.

    Returns
    -------
    along : (W - order,) float32 array
    down : (H - order,) float32 array
    """
    height, width = luma_u8.shape
    if is_compiled():
        along, down = step_lines(luma_u8, order=order, most=most)
        return _float(along) / np.float32(height), _float(down) / np.float32(width)
    image = luma_u8.astype(np.float32)
    sums = []
    for lines in (image, np.ascontiguousarray(image.T)):
        steps = np.abs(np.diff(lines, n=order, axis=1))
        np.minimum(steps, np.float32(most), out=steps)
        sums.append(_float(steps.sum(axis=0, dtype=np.float64)))
    return sums[0] / np.float32(height), sums[1] / np.float32(width)


def _float(sums: AnyArray) -> FloatArray:
    return sums.astype(np.float32)
