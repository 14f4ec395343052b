"""What a PNG file says of its image (ISO 15948)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from degrade.errors import InvalidValueError
from degrade.images.headers.header import ImageHeader
from degrade.images.headers.turning import exif_of_text, orientation_of

__all__ = ["is_png", "parse_png", "png_chunks"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP = b"XML:com.adobe.xmp\x00"
_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
_CHUNK_HEAD = struct.Struct(">I4s")
_SAMPLES = {**_CHANNELS, 3: 1}


def is_png(data: bytes) -> bool:
    """Return whether data begin as a PNG file does."""
    return data.startswith(_SIGNATURE)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield kind, start and length of each chunk's content; the last may reach behind the end."""
    position, last = len(_SIGNATURE), len(data) - _CHUNK_HEAD.size
    while position <= last:
        length, kind = _CHUNK_HEAD.unpack_from(data, position)
        yield kind, position + 8, length
        position += 12 + length


def parse_png(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`."""
    if data[12:16] == b"CgBI":
        raise InvalidValueError("a PNG as iPhone apps hold it (CgBI); save it as a common one")
    if data[12:16] != b"IHDR":
        raise InvalidValueError("its PNG header is damaged")
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    animated, transparent, ended = False, colour in (4, 6), False
    exif: bytes | None = None
    xmp: bytes | None = None
    for kind, start, length in png_chunks(data):
        if kind == b"IDAT":
            continue
        if kind == b"eXIf" or (kind in (b"tEXt", b"zTXt") and exif is None):
            body = data[start : start + length]
            is_packed = kind == b"zTXt"
            exif = body if kind == b"eXIf" else exif_of_text(body, is_packed=is_packed)
        elif kind == b"iTXt" and data.startswith(_XMP, start):
            xmp = data[start : start + length]
        animated |= kind == b"acTL"
        transparent |= kind == b"tRNS"
        if kind == b"IEND":
            ended = start + 4 <= len(data)
            break
    return ImageHeader(
        "png",
        width,
        height,
        _CHANNELS[colour],
        depth,
        orientation_of(exif, xmp),
        is_animated=animated,
        has_alpha=transparent,
        missing_end=not ended,
        # Deflate packs no more than 1032 bytes into one.
        least_bytes=width * height * depth * _SAMPLES[colour] // 8 // 1032,
    )
