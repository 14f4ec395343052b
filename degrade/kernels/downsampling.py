"""What a kernel does to an image: it is correlated with it at the places of LR's pixels."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray
from degrade.errors import InvalidValueError
from degrade.geometry import first_pixel, fits, hr_unit, lr_side, lr_unit, side_wanted
from degrade.kernels.kernel import BlurKernel
from degrade.kernels.phases import phase_kernels
from degrade.resample import mirror_indices

__all__ = ["downsample"]


def downsample(
    image: FloatArray,
    kernel: BlurKernel,
    *,
    box: tuple[int, int, int, int] | None = None,
    border: Literal["mirror", "wrap"] = "mirror",
) -> FloatArray:
    """Blur with ``kernel`` and keep LR's pixels; only those are computed.

    Parameters
    ----------
    image : (H, W, C) or (H, W) float32 array
        The HR image.
    kernel : BlurKernel
        Correlated with the image; its scale is the step, a whole one or not.
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
        The box leaves the image or its sides do not fit the scale.

    Notes
    -----
    Where LR's pixels lie between those of HR, the kernel is a cubic spline through its taps:
    :mod:`degrade.kernels.phases`. Sums are taken in float64, so that the last bit of the float32
    result, and with it the rounded 8-bit pixel, does not depend on which vector instructions a
    machine has.
    """
    top, left, height, width = box or (0, 0, *image.shape[:2])
    scale = kernel.scale
    if not (fits(height, scale) and fits(width, scale)):
        raise InvalidValueError(f"each side must be {side_wanted(scale)}, got {height}×{width}")
    if min(top, left) < 0 or top + height > image.shape[0] or left + width > image.shape[1]:
        raise InvalidValueError(f"box {box} leaves the image of shape {image.shape}")
    own = phase_kernels(kernel)
    rows, columns = lr_side(height, scale), lr_side(width, scale)
    before, bottom, right = (
        own.before,
        first_pixel(rows - 1, scale),
        first_pixel(columns - 1, scale),
    )
    padded = _window(
        image,
        np.arange(top - before, top - before + bottom + own.size),
        np.arange(left - before, left - before + right + own.size),
        border,
    )
    total = np.zeros((rows, columns, *image.shape[2:]), dtype=np.float64)
    step = lr_unit(scale)
    for (row, column), (down, along) in own.phases():
        part = total[row::step, column::step]
        part += _sampled(padded[down:, along:], own.weights[row, column], hr_unit(scale), part)
    return total.astype(np.float32)


def _sampled(
    padded: AnyArray, weights: npt.NDArray[np.float64], step: int, like: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Correlate at every step-th pixel.

    Polyphase: output pixel p reads padded[step·p + t]; taps t ≡ a (mod step) all fall on the a-th
    phase of the padded image, where they are an ordinary correlation.
    """
    total = np.zeros_like(like)
    rows, columns = like.shape[:2]
    for a, b in np.ndindex(*(min(step, side) for side in weights.shape)):
        phase = np.ascontiguousarray(padded[a::step, b::step], dtype=np.float64)
        found = cv2.filter2D(phase, cv2.CV_64F, weights[a::step, b::step], anchor=(0, 0))
        total += found[:rows, :columns].reshape(total.shape)
    return total


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
