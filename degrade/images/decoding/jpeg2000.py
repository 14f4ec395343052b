"""JPEG 2000, by OpenJPEG (Pillow; imagecodecs, which keeps more than 8 bits)."""

from __future__ import annotations

from dataclasses import replace

import imagecodecs
import numpy as np

from degrade.errors import InvalidValueError
from degrade.images.decoding.by_pillow import decode_by_pillow
from degrade.images.decoding.decoded import Decoded
from degrade.images.decoding.levels import full_range, split_channels
from degrade.images.headers import ImageHeader

__all__ = ["decode_jpeg2000"]


def decode_jpeg2000(data: bytes, header: ImageHeader) -> Decoded:
    """Decode a JPEG 2000 file; as :data:`degrade.images.decoding.decoded.Decoder` says."""
    decoded = decode_by_pillow(data, header, "JPEG2000")
    if header.bit_depth <= 8:
        return decoded
    try:
        levels = imagecodecs.jpeg2k_decode(data)
    except (RuntimeError, ValueError) as error:
        raise InvalidValueError(f"its pixels are damaged ({error})") from None
    if levels.dtype != np.uint16 or levels.shape[:2] != decoded.pixels.shape[:2]:
        raise InvalidValueError(f"JPEG 2000 of {header.bit_depth} bits is not supported")
    rgb, alpha, notes = split_channels(full_range(levels, header.bit_depth))
    return replace(decoded, pixels=rgb, alpha=alpha, notes=notes)
