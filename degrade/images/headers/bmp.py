"""What a BMP file says of its image."""

from __future__ import annotations

import struct

from degrade.images.headers.header import ImageHeader

__all__ = ["bmp_file", "is_bmp", "parse_bmp"]

_UNPACKED = (0, 3, 6)
"""Compressions that are none: plain, and with masks that say which bits are which colour."""


_FILE_HEADER = 14
_INFO_HEADERS = (40, 52, 56, 108, 124)
_DEPTHS = (1, 4, 8, 16, 24, 32)
_MASKS = {3: 12, 6: 16}
"""Bytes of the masks that follow a header of 40 bytes, by compression."""


def is_bmp(data: bytes) -> bool:
    """Return whether data begin as a BMP file does, or as one without its file header (DIB)."""
    if data[:2] == b"BM":
        return True
    if len(data) < _INFO_HEADERS[0]:
        return False
    size, width, height, planes, bits, packing = struct.unpack("<IiiHHI", data[:20])
    is_known = size in _INFO_HEADERS and planes == 1 and bits in _DEPTHS and packing <= 6
    return is_known and width > 0 and height != 0


def bmp_file(data: bytes) -> bytes:
    """Return data that :func:`is_bmp` accepts with the file header that every decoder wants."""
    if data[:2] == b"BM":
        return data
    size, _, _, _, bits, packing = struct.unpack("<IiiHHI", data[:20])
    (colours,) = struct.unpack("<I", data[32:36])
    palette = 4 * min(colours or (1 << bits if bits <= 8 else 0), 256)
    masks = _MASKS.get(packing, 0) if size == _INFO_HEADERS[0] else 0
    pixels_at = _FILE_HEADER + size + masks + palette
    return struct.pack("<2sIHHI", b"BM", _FILE_HEADER + len(data), 0, 0, pixels_at) + data


def parse_bmp(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`."""
    added = 0 if data[:2] == b"BM" else _FILE_HEADER
    data = bmp_file(data[:64])
    (pixels_at, header_size) = struct.unpack("<II", data[10:18])
    packing = 0
    if header_size == 12:
        width, height, _, bits = struct.unpack("<HHHH", data[18:26])
    else:
        width, height, _, bits, packing = struct.unpack("<iiHHI", data[18:34])
    height = abs(height)
    rows = (width * bits + 31) // 32 * 4 * height
    least = pixels_at + rows - added if packing in _UNPACKED else 0
    return ImageHeader("bmp", width, height, 4 if bits == 32 else 3, 8, least_bytes=least)
