"""Brightness of RGB by ITU-R BT.601: one set of weights, and four ways to round what they give.

Which one is right depends on who reads the result:

- :func:`luma` does not round: what is fitted or compared is float.
- :func:`luma_fast` is OpenCV's fixed point: whole photos are measured in it, and the weights of
  :mod:`degrade.spectral` were trained on it. Where the exact value lies next to a half, about one
  colour in 800, it is one level off.
- :func:`luma_rounded` is the exact value, rounded: images that are handed out.
- :func:`luma_studio` is the Y of 16 … 235 on which the field reports PSNR and SSIM.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray
from degrade.errors import InvalidValueError

__all__ = ["LUMA_WEIGHTS", "luma", "luma_fast", "luma_rounded", "luma_studio"]

LUMA_WEIGHTS = (0.299, 0.587, 0.114)
"""Of R, G and B; their sum is 1."""

_THOUSANDTHS = np.array([round(1000 * weight) for weight in LUMA_WEIGHTS], np.uint32)
_STUDIO_WEIGHTS = np.array([65.481, 128.553, 24.966])
_STUDIO_OFFSET = 16.0
_STRIP = 64
"""Rows that are widened to 32 bits at once."""


def luma(image: FloatArray) -> FloatArray:
    """Return the luma of a float image, in the unit of the image and not rounded.

    Parameters
    ----------
    image : (H, W, 3) float32 array
        RGB.

    Returns
    -------
    (H, W) float32 array
    """
    return np.asarray(image @ np.array(LUMA_WEIGHTS, np.float32), np.float32)


def luma_fast(rgb: AnyArray) -> AnyArray:
    """Return the luma in whole levels, in OpenCV's fixed point.

    Parameters
    ----------
    rgb : (H, W, 3) uint8 or uint16 array

    Returns
    -------
    (H, W) array of the same type
    """
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)


def luma_rounded(rgb: AnyArray) -> AnyArray:
    """Return the luma rounded to whole levels, halves up.

    Parameters
    ----------
    rgb : (H, W, 3) uint8 or uint16 array

    Returns
    -------
    (H, W) array of the same type
    """
    levels = np.empty(rgb.shape[:2], rgb.dtype)
    for top in range(0, len(rgb), _STRIP):
        wide = rgb[top : top + _STRIP].astype(np.uint32)
        levels[top : top + _STRIP] = (wide @ _THOUSANDTHS + 500) // 1000
    return levels


def luma_studio(image: AnyArray) -> npt.NDArray[np.float64]:
    """Return Y of BT.601, 16 … 235, not rounded.

    Parameters
    ----------
    image : (H, W, 3) uint8 array, or float array on [0, 1]
        RGB.

    Returns
    -------
    (H, W) float64 array

    Raises
    ------
    InvalidValueError
        The image has another shape or type.

    References
    ----------
    ITU-R BT.601: Y = 16 + 65.481 R + 128.553 G + 24.966 B for RGB on [0, 1]; MATLAB's rgb2ycbcr.
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise InvalidValueError(f"an image must be (H, W, 3), got {image.shape}")
    if image.dtype == np.uint8:
        return np.asarray(image @ (_STUDIO_WEIGHTS / 255) + _STUDIO_OFFSET)
    if not np.issubdtype(image.dtype, np.floating):
        raise InvalidValueError(f"an image must be uint8 or float, got {image.dtype}")
    return np.asarray(image @ _STUDIO_WEIGHTS + _STUDIO_OFFSET)
