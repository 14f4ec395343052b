"""What a BMP file says of its image."""

from __future__ import annotations

import struct

from degrade.images.headers.header import ImageHeader

__all__ = ["is_bmp", "parse_bmp"]

_UNPACKED = (0, 3, 6)
"""Compressions that are none: plain, and with masks that say which bits are which colour."""


def is_bmp(data: bytes) -> bool:
    """Return whether data begin as a BMP file does."""
    return data[:2] == b"BM"


def parse_bmp(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`."""
    (pixels_at, header_size) = struct.unpack("<II", data[10:18])
    packing = 0
    if header_size == 12:
        width, height, _, bits = struct.unpack("<HHHH", data[18:26])
    else:
        width, height, _, bits, packing = struct.unpack("<iiHHI", data[18:34])
    height = abs(height)
    rows = (width * bits + 31) // 32 * 4 * height
    least = pixels_at + rows if packing in _UNPACKED else 0
    return ImageHeader("bmp", width, height, 4 if bits == 32 else 3, 8, least_bytes=least)
