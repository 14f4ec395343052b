"""What a WebP file says of its image (RFC 9649)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from degrade.errors import InvalidValueError
from degrade.images.headers.exif_orientation import exif_orientation
from degrade.images.headers.header import ImageHeader

__all__ = ["is_webp", "parse_webp", "webp_chunks"]


def is_webp(data: bytes) -> bool:
    """Return whether data begin as a WebP file does."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def webp_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and length of each chunk's content; the last may reach behind the end."""
    position = 12
    while position + 8 <= len(data):
        (length,) = struct.unpack("<I", data[position + 4 : position + 8])
        yield data[position : position + 4], position + 8, length
        position += 8 + length + length % 2


def parse_webp(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`."""
    (riff_length,) = struct.unpack("<I", data[4:8])
    kind, body = data[12:16], data[20:50]
    orientation, animated, alpha = 1, False, False
    if kind == b"VP8X":
        flags = body[0]
        animated, alpha = bool(flags & 2), bool(flags & 16)
        width = int.from_bytes(body[4:7], "little") + 1
        height = int.from_bytes(body[7:10], "little") + 1
        if flags & 8:
            orientation = _orientation(data)
    elif kind == b"VP8 ":
        width, height = (n & 0x3FFF for n in struct.unpack("<HH", body[6:10]))
    elif kind == b"VP8L":
        (bits,) = struct.unpack("<I", body[1:5])
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        alpha = bool(bits >> 28 & 1)
    else:
        raise InvalidValueError("its WebP header is damaged")
    return ImageHeader(
        "webp",
        width,
        height,
        4 if alpha else 3,
        8,
        orientation,
        is_animated=animated,
        has_alpha=alpha,
        missing_end=len(data) < riff_length + 8,
    )


def _orientation(data: bytes) -> int:
    orientation = 1
    for kind, start, length in webp_chunks(data):
        if kind == b"EXIF":
            exif = data[start : start + length]
            orientation = exif_orientation(exif.removeprefix(b"Exif\x00\x00"))
    return orientation
