"""JPEG XL, by libjxl (pillow-jxl-plugin, an extra; imagecodecs, which keeps more than 8 bits)."""

from __future__ import annotations

from dataclasses import replace

import imagecodecs
import numpy as np

from degrade.errors import InvalidValueError
from degrade.images.decoding.by_pillow import decode_by_pillow
from degrade.images.decoding.decoded import Decoded
from degrade.images.decoding.levels import split_channels
from degrade.images.headers import ImageHeader

__all__ = ["decode_jpegxl"]


def decode_jpegxl(data: bytes, header: ImageHeader) -> Decoded:
    """Decode a JPEG XL file; as :data:`degrade.images.decoding.decoded.Decoder` says."""
    decoded = decode_by_pillow(data, header, "JXL")
    try:
        levels = imagecodecs.jpegxl_decode(data)
    except (RuntimeError, ValueError) as error:
        raise InvalidValueError(f"its pixels are damaged ({error})") from None
    if levels.dtype not in (np.uint8, np.uint16):
        raise InvalidValueError("holds floating-point pixels")
    if levels.dtype == np.uint16 and levels.shape[:2] == decoded.pixels.shape[:2]:
        rgb, alpha, notes = split_channels(levels)
        decoded = replace(decoded, pixels=rgb, alpha=alpha, notes=notes)
    return replace(decoded, is_upright=True)
