"""What a kernel does to an image: it is correlated with it, and every scale-th pixel is kept."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError
from degrade.kernels.kernel import BlurKernel
from degrade.resample import mirror_indices

__all__ = ["downsample"]


def downsample(
    image: FloatArray,
    kernel: BlurKernel,
    *,
    box: tuple[int, int, int, int] | None = None,
    border: Literal["mirror", "wrap"] = "mirror",
) -> FloatArray:
    """Blur with ``kernel`` and keep every scale-th pixel; only those are computed.

    Parameters
    ----------
    image : (H, W, C) or (H, W) float32 array
        The HR image.
    kernel : BlurKernel
        Correlated with the image; its scale is the step.
    box : (top, left, height, width) or None
        The part of the image to downsample; pixels around it feed the blur. None: all of it.
    border : {"mirror", "wrap"}
        What lies outside the image.

    Returns
    -------
    (height / scale, width / scale[, C]) float32 array

    Raises
    ------
    InvalidValueError
        The box leaves the image or its sides are no multiples of the scale.

    Notes
    -----
    Sums are taken in float64, so that the last bit of the float32 result, and with it the rounded
    8-bit pixel, does not depend on which vector instructions a machine has.
    """
    top, left, height, width = box or (0, 0, *image.shape[:2])
    scale, size = kernel.scale, kernel.size
    if height % scale or width % scale or height < scale or width < scale:
        raise InvalidValueError(f"sides must be multiples of {scale}, got {height}×{width}")
    if min(top, left) < 0 or top + height > image.shape[0] or left + width > image.shape[1]:
        raise InvalidValueError(f"box {box} leaves the image of shape {image.shape}")
    rows, columns = height // scale, width // scale
    padded = _window(
        image,
        np.arange(top - size // 2, top - size // 2 + (rows - 1) * scale + size),
        np.arange(left - size // 2, left - size // 2 + (columns - 1) * scale + size),
        border,
    )
    # Polyphase: output pixel p reads padded[scale·p + t]; taps t ≡ a (mod scale) all fall on the
    # a-th phase of the padded image, where they are an ordinary correlation.
    total = np.zeros((rows, columns, *image.shape[2:]), dtype=np.float64)
    weights = kernel.weights.astype(np.float64)
    for a in range(min(scale, size)):
        for b in range(min(scale, size)):
            phase = np.ascontiguousarray(padded[a::scale, b::scale], dtype=np.float64)
            part = cv2.filter2D(phase, cv2.CV_64F, weights[a::scale, b::scale], anchor=(0, 0))
            total += part[:rows, :columns].reshape(total.shape)
    return total.astype(np.float32)


def _window(
    image: FloatArray, rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], border: str
) -> FloatArray:
    """Return ``image[rows][:, columns]`` with positions outside folded back by the border rule."""
    height, width = image.shape[:2]
    inside = rows[0] >= 0 and columns[0] >= 0 and rows[-1] < height and columns[-1] < width
    if inside:
        return image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if border == "wrap":
        return image[np.mod(rows, height)[:, None], np.mod(columns, width)]
    return image[mirror_indices(rows, height)[:, None], mirror_indices(columns, width)]
