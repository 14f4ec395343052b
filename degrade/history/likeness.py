"""What one keeps of a photo to see whether another one shows the same."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray, U8Array
from degrade.luma import luma_fast

__all__ = ["ALIKE", "THUMBNAIL_SIDE", "likenesses", "make_thumbnail"]

THUMBNAIL_SIDE = 40

ALIKE = 0.97
"""From this correlation on two photos show the same. One photo in two sizes, or saved as JPEG of
quality 50, comes to 0.99; photos of one scene that are not the same stay below 0.9, but for a burst
from a tripod."""

_COARSE = 8
"""Pixels of the photo for each of the thumbnail, at least, that its means are taken of."""

_SOFT = 2.5
_PLAIN = 2.0
_NO_COMPANY = 1e-6


def make_thumbnail(pixels_u8: U8Array) -> U8Array:
    """Return a photo's luma in 40 × 40 pixels, whatever its shape; (40, 40) uint8.

    Of a large photo only some rows and columns are looked at.
    """
    height, width = pixels_u8.shape[:2]
    steps = [max(side // (_COARSE * THUMBNAIL_SIDE), 1) for side in (height, width)]
    few = luma_fast(np.ascontiguousarray(pixels_u8[:: steps[0], :: steps[1]]))
    return np.asarray(cv2.resize(few, (THUMBNAIL_SIDE,) * 2, interpolation=cv2.INTER_AREA))


def likenesses(thumbnails: npt.NDArray[np.uint8]) -> FloatArray:
    """Return the features of thumbnails, whose products are correlations.

    What varies slowly over a photo is left out: many photos have a bright sky above. Photos with
    hardly anything in them are like none.

    Parameters
    ----------
    thumbnails : (N, 40, 40) uint8 array

    Returns
    -------
    (N, 1600) float32 array
        Of length 1 each, or 0.
    """
    levels = thumbnails.astype(np.float32)
    fine = np.array([level - cv2.GaussianBlur(level, (0, 0), _SOFT) for level in levels])
    flat = fine.reshape(len(levels), THUMBNAIL_SIDE**2)
    spread = flat.std(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    features: FloatArray = np.where(spread < _PLAIN, 0, flat / (length + _NO_COMPANY))
    return features.astype(np.float32)
