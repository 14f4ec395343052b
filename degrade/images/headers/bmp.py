"""What a BMP file says of its image."""

from __future__ import annotations

import struct

from degrade.images.headers.header import ImageHeader

__all__ = ["is_bmp", "parse_bmp"]


def is_bmp(data: bytes) -> bool:
    """Return whether data begin as a BMP file does."""
    return data[:2] == b"BM"


def parse_bmp(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`."""
    (header_size,) = struct.unpack("<I", data[14:18])
    if header_size == 12:
        width, height, _, bits = struct.unpack("<HHHH", data[18:26])
    else:
        width, height, _, bits = struct.unpack("<iiHH", data[18:30])
    return ImageHeader("bmp", width, abs(height), 4 if bits == 32 else 3, 8)
