"""WebP, by OpenCV."""

from __future__ import annotations

from degrade.images.decoding.by_opencv import decode_by_opencv
from degrade.images.decoding.decoded import Decoded
from degrade.images.headers import ImageHeader

__all__ = ["decode_webp"]


def decode_webp(data: bytes, header: ImageHeader) -> Decoded:
    """Decode a WebP file; as :data:`degrade.images.decoding.decoded.Decoder` says."""
    return decode_by_opencv(data, header)
