"""What a WebP file says of its image (RFC 9649)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from degrade.errors import InvalidValueError
from degrade.images.headers.header import ImageHeader
from degrade.images.headers.turning import orientation_of

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
        least_bytes=_least_bytes(data, width, height),
    )


def _least_bytes(data: bytes, width: int, height: int) -> int:
    """Return how many bytes a picture takes at the least when all of it is of one colour.

    Lossy: for each 16×16 pixels a mode for light and one for colour are told, by chances that the
    format fixes, which takes 3.4 bits or more. Lossless: no bits at all, so nothing is known.
    """
    is_lossy = any(kind == b"VP8 " for kind, _, _ in webp_chunks(data))
    return -(-width // 16) * -(-height // 16) * 3 // 8 if is_lossy else 0


def _orientation(data: bytes) -> int:
    found: dict[bytes, bytes] = {}
    for kind, start, length in webp_chunks(data):
        if kind in (b"EXIF", b"XMP ") and kind not in found:
            found[kind] = data[start : start + length]
    return orientation_of(found.get(b"EXIF"), found.get(b"XMP "))
