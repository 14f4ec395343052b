"""Files decoded by OpenCV, of any format that it reads."""

from __future__ import annotations

import numpy as np

from degrade.arrays import AnyArray
from degrade.errors import InvalidValueError
from degrade.images.decoding.decoded import Decoded
from degrade.images.headers import ImageHeader
from degrade.images.opencv import cv2
from degrade.images.orientation import stored

__all__ = ["decode_by_opencv"]

_WITHOUT_ALPHA = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION


def decode_by_opencv(data: bytes, header: ImageHeader) -> Decoded:
    """Decode an image file; as :data:`degrade.images.decoding.decoded.Decoder` says."""
    pixels = _with_alpha(data, header)
    if pixels is None:
        pixels = _pixels(data, _WITHOUT_ALPHA)
    if pixels is None:
        raise InvalidValueError("the decoder refused its pixels: the file is damaged")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InvalidValueError(f"pixels of type {pixels.dtype}, not of 8 or 16 bits")
    if pixels.shape[:2] != (header.height, header.width):
        raise InvalidValueError("its pixels do not fill the size in its header")
    notes = ("gray",) * (pixels.ndim == 2) + ("CMYK converted",) * header.is_cmyk
    has_alpha = pixels.ndim == 3 and pixels.shape[2] == 4
    alpha = np.ascontiguousarray(pixels[..., 3]) if has_alpha else None
    return Decoded(_to_rgb(pixels), alpha, notes=notes)


def _pixels(data: bytes, flags: int) -> AnyArray | None:
    """Return the pixels as OpenCV has them: gray, BGR or BGRA."""
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None


def _with_alpha(data: bytes, header: ImageHeader) -> AnyArray | None:
    """Return BGRA as stored; None where OpenCV gives none (gray with a transparent level)."""
    pixels = _pixels(data, cv2.IMREAD_UNCHANGED) if header.has_alpha else None
    if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 4:
        return None
    # OpenCV 5 turns what it reads so upright, OpenCV 4 does not.
    if header.orientation != 1:
        straight = _pixels(data, _WITHOUT_ALPHA)
        if straight is None or not np.array_equal(_to_rgb(pixels), _to_rgb(straight)):
            pixels = stored(pixels, header.orientation)
    return pixels


def _to_rgb(pixels: AnyArray) -> AnyArray:
    if pixels.ndim == 2:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    if pixels.shape[2] == 4:
        return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGB)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
