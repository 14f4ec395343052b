"""TIFF, by OpenCV."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from degrade.arrays import AnyArray
from degrade.images.decoding.by_opencv import decode_by_opencv
from degrade.images.decoding.decoded import Decoded
from degrade.images.headers import ImageHeader

__all__ = ["decode_tiff"]

_STRIP = 256


def decode_tiff(data: bytes, header: ImageHeader) -> Decoded:
    """Decode a TIFF file; as :data:`degrade.images.decoding.decoded.Decoder` says."""
    decoded = decode_by_opencv(data, header)
    rgb, alpha = decoded.pixels, decoded.alpha
    # libtiff multiplies the colours of 8-bit files itself when they are not.
    is_blended = header.tiff_alpha == 1 or (header.tiff_alpha == 2 and rgb.dtype == np.uint8)
    if alpha is None or not is_blended:
        return decoded
    return replace(decoded, pixels=_unmultiplied(rgb, alpha))


def _unmultiplied(rgb: AnyArray, alpha: AnyArray) -> AnyArray:
    """Return the colours that were multiplied by alpha; where that is 0 they are lost."""
    peak = np.uint64(np.iinfo(alpha.dtype).max)
    colours = np.empty_like(rgb)
    for top in range(0, len(rgb), _STRIP):  # no second copy of a large photo in 64 bits
        rows = slice(top, top + _STRIP)
        opaque = np.maximum(alpha[rows, :, None], 1).astype(np.uint64)
        colours[rows] = np.minimum((rgb[rows] * peak + opaque // 2) // opaque, peak)
    return colours
