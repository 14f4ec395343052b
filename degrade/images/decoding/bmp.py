"""BMP, by OpenCV."""

from __future__ import annotations

from degrade.images.decoding.by_opencv import decode_by_opencv
from degrade.images.decoding.decoded import Decoded
from degrade.images.headers import ImageHeader
from degrade.images.headers.bmp import bmp_file

__all__ = ["decode_bmp"]


def decode_bmp(data: bytes, header: ImageHeader) -> Decoded:
    """Decode a BMP file; as :data:`degrade.images.decoding.decoded.Decoder` says."""
    return decode_by_opencv(bmp_file(data), header)
