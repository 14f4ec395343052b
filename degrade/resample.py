"""The project's only image resampling: MATLAB's ``imresize`` convention.

The centre of output pixel p lies at input coordinate (p + 0.5) / scale - 0.5; borders are
mirrored with the edge pixel repeated; when downscaling with ``antialias`` the interpolation
kernel is stretched by 1/scale. Bicubic means a = -0.5 (Keys, "Cubic convolution interpolation",
IEEE TASSP 1981), not OpenCV's -0.75.
"""

from __future__ import annotations

from math import ceil

import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.errors import InvalidValueError
from degrade.geometry import Scale

__all__ = ["cubic", "enlarge_u8", "imresize", "mirror_indices"]


def cubic(x: npt.NDArray[np.float64], *, a: float = -0.5) -> npt.NDArray[np.float64]:
    """Evaluate Keys' cubic convolution kernel at the distances ``x`` (any shape)."""
    x = np.abs(x)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def mirror_indices(indices: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.int64]:
    """Map positions into 0…size-1 by mirroring with the edge repeated (``dcba|abcd``)."""
    folded = np.mod(indices, 2 * size)
    return np.where(folded < size, folded, 2 * size - 1 - folded)


def imresize(image: FloatArray, scale: float, *, antialias: bool = True) -> FloatArray:
    """Resize an image by bicubic interpolation as MATLAB's ``imresize`` does.

    Parameters
    ----------
    image : (H, W) or (H, W, C) float32 array
        Any range; nothing is clipped.
    scale : float
        Output size over input size, above 0; ``1 / 2`` halves.
    antialias : bool
        Stretch the kernel by 1/scale when downscaling.

    Returns
    -------
    (ceil(H·scale), ceil(W·scale)[, C]) float32 array

    Raises
    ------
    InvalidValueError
        ``image`` is not 2- or 3-dimensional, is empty, or ``scale`` is not above 0.
    """
    if image.ndim not in (2, 3) or 0 in image.shape:
        raise InvalidValueError(f"image must be (H, W) or (H, W, C), got {image.shape}")
    if not scale > 0:
        raise InvalidValueError(f"scale must be above 0, got {scale}")
    height, width = image.shape[:2]
    rows = _resize_matrix(height, scale, antialias)
    columns = _resize_matrix(width, scale, antialias)
    # MATLAB resizes the dimension with the smaller scale first; with equal scales, the rows.
    halfway = rows @ image.reshape(height, -1)
    halfway = halfway.reshape(rows.shape[0], width, -1).transpose(1, 0, 2)
    resized = columns @ halfway.reshape(width, -1)
    resized = resized.reshape(columns.shape[0], rows.shape[0], -1).transpose(1, 0, 2)
    shape = (rows.shape[0], columns.shape[0], *image.shape[2:])
    return np.ascontiguousarray(resized, dtype=np.float32).reshape(shape)


def enlarge_u8(image_u8: U8Array, scale: Scale) -> U8Array:
    """Return (H, W, 3) uint8 pixels enlarged by bicubic interpolation, clipped and rounded once."""
    return round_to_u8(np.clip(imresize(image_u8.astype(np.float32), float(scale)), 0, 255))


def _resize_matrix(size: int, scale: float, antialias: bool) -> scipy.sparse.csr_array:
    """Return the (ceil(size·scale), size) float64 interpolation matrix of one axis."""
    out_size = ceil(round(size * scale, 9))
    stretch = scale if antialias and scale < 1 else 1.0
    support = 4.0 / stretch
    centres = (np.arange(out_size) + 0.5) / scale - 0.5
    first = np.floor(centres - support / 2).astype(np.int64)
    taps = first[:, None] + np.arange(ceil(support) + 2)
    weights = cubic(stretch * (centres[:, None] - taps))
    weights /= weights.sum(axis=1, keepdims=True)
    columns = mirror_indices(taps, size)
    starts = np.arange(0, taps.size + 1, taps.shape[1])
    matrix = scipy.sparse.csr_array(
        (weights.ravel(), columns.ravel(), starts), shape=(out_size, size), dtype=np.float64
    )
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix
