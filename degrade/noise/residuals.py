"""Residuals: what is left of a patch without its mean, as large as it is asked for."""

from __future__ import annotations

import functools

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray
from degrade.resample import mirror_indices

__all__ = ["channel_means", "residual_of", "tile_residual"]

_LEVELS_U8 = np.arange(256.0)


def channel_means(pixels: AnyArray) -> npt.NDArray[np.float64]:
    """Return the mean per channel of (P, P, 3) integer pixels, in the pixels' own units."""
    side, channels = len(pixels), pixels.shape[-1]
    # In double precision, sums of fewer than 2^37 16-bit integers are exact in any order.
    sums = cv2.reduce(pixels.reshape(side, -1), 0, cv2.REDUCE_SUM, dtype=cv2.CV_64F)
    means: npt.NDArray[np.float64] = sums.reshape(-1, channels).sum(axis=0) / side**2
    return means


def residual_of(pixels: AnyArray, means: npt.NDArray[np.float64]) -> FloatArray:
    """Return ``pixels`` minus ``means`` on the [0, 1] range of the pixels' dtype, as float32."""
    if pixels.dtype == np.uint8:  # a table of all levels: the same values, several times as fast
        return np.asarray(cv2.LUT(pixels, _residuals_u8(*means.tolist())), dtype=np.float32)
    peak = float(np.iinfo(pixels.dtype).max)
    return ((pixels.astype(np.float64) - means) / peak).astype(np.float32)


@functools.lru_cache(maxsize=1024)
def _residuals_u8(*means: float) -> FloatArray:
    """Return what is left of each level, as OpenCV reads tables: (1, 256, channels) float32."""
    left = (_LEVELS_U8[:, None] - np.array(means)) / 255.0
    table: FloatArray = left.astype(np.float32)[None]
    return table


def tile_residual(residual: AnyArray, top: int, left: int, height: int, width: int) -> AnyArray:
    """Read a (height, width, 3) window of a residual continued without end by mirroring.

    Mirroring leaves no seams; a window that fits inside the residual is a plain crop.
    """
    if top + height <= residual.shape[0] and left + width <= residual.shape[1]:
        return residual[top : top + height, left : left + width]
    rows = mirror_indices(np.arange(top, top + height), residual.shape[0])
    columns = mirror_indices(np.arange(left, left + width), residual.shape[1])
    return residual[rows[:, None], columns]
