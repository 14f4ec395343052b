"""Channels that a network for RGB images does not make: gray and alpha."""

from __future__ import annotations

import cv2
import numpy as np

from degrade.arrays import AnyArray, round_levels
from degrade.luma import luma_rounded
from degrade.resample import imresize

__all__ = ["enlarge_channel", "fill_transparent", "to_gray"]

_STEP = 64
_SUPPORT = 3
"""Rows on each side of its own that an enlarged row depends on, and one to spare."""


def enlarge_channel(channel: AnyArray, scale: int, top: int, bottom: int) -> AnyArray:
    """Enlarge some rows of a channel by bicubic interpolation.

    Parameters
    ----------
    channel : (H, W) uint8 or uint16 array
        The whole channel.
    scale : int
    top, bottom : int
        The rows of ``channel`` to enlarge.

    Returns
    -------
    (scale·(bottom - top), scale·W) array of the same type
        The same as those rows of the whole channel enlarged.
    """
    height, width = channel.shape
    rows = np.empty((scale * (bottom - top), scale * width), channel.dtype)
    for first in range(top, bottom, _STEP):
        last = min(first + _STEP, bottom)
        start = max(0, first - _SUPPORT)
        window = channel[start : min(height, last + _SUPPORT)].astype(np.float32)
        larger = imresize(window, scale)[scale * (first - start) : scale * (last - start)]
        rows[scale * (first - top) : scale * (last - top)] = round_levels(larger, channel.dtype)
    return rows


def fill_transparent(pixels: AnyArray, alpha: AnyArray) -> AnyArray:
    """Return a photo whose wholly transparent pixels have the colour of the nearest that is seen.

    What lies there is arbitrary, and a network would draw it into what is seen beside it.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 or uint16 array
    alpha : (H, W) array

    Returns
    -------
    (H, W, 3) array
        ``pixels`` itself where nothing or everything is transparent.
    """
    hidden = (alpha == 0).astype(np.uint8)
    if not 0 < np.count_nonzero(hidden) < hidden.size:
        return pixels
    _, nearest = cv2.distanceTransformWithLabels(
        hidden, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    seen = np.flatnonzero(hidden == 0)
    places = np.empty(seen.size + 1, np.intp)  # labels count from 1 on
    places[nearest.ravel()[seen]] = seen
    filled = pixels.copy()
    behind = hidden.astype(bool)
    filled[behind] = pixels.reshape(-1, pixels.shape[2])[places[nearest[behind]]]
    return filled


def to_gray(rgb: AnyArray) -> AnyArray:
    """Return (h, w, 1) luma by BT.601 of (h, w, 3) uint8 or uint16 RGB, of the same type."""
    return luma_rounded(rgb)[:, :, None]
