"""What a JPEG file says of its image (ITU T.81)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from degrade.errors import InvalidValueError
from degrade.images.headers.exif_orientation import exif_orientation
from degrade.images.headers.header import ImageHeader

__all__ = ["END_OF_IMAGE", "is_jpeg", "jpeg_segments", "parse_jpeg"]

END_OF_IMAGE = 0xD9
# Start-of-frame markers: 0xC0…0xCF without DHT (C4), JPG (C8) and DAC (CC).
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)


def is_jpeg(data: bytes) -> bool:
    """Return whether data begin as a JPEG file does."""
    return data.startswith(b"\xff\xd8\xff")


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, start and length of each segment's content, up to the end of the image.

    That end is the last, when it is there. A segment may reach behind the end of the file.
    """
    position = 2
    # Entropy-coded data never hold 0xFF but as FF 00 or FF D0…D7, so the next other marker is
    # a real one; searching skips scans, fill bytes and nothing else.
    while (found := _MARKER.search(data, position)) is not None:
        marker, start = found.group(1)[0], found.end()
        if marker == END_OF_IMAGE:
            yield marker, start, 0
            return
        if marker in (0xD8, 0x01):
            position = start
            continue
        if start + 2 > len(data):
            return
        (length,) = struct.unpack(">H", data[start : start + 2])
        yield marker, start + 2, max(0, length - 2)
        position = start + length


def parse_jpeg(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`."""
    frame: tuple[int, int, int, int] | None = None
    orientation, ended = 1, False
    for marker, start, length in jpeg_segments(data):
        ended = marker == END_OF_IMAGE
        if marker in _FRAMES and frame is None:
            depth, height, width, channels = struct.unpack(">BHHB", data[start : start + 6])
            frame = (width, height, channels, depth)
        elif marker == 0xE1 and data[start : start + 6] == b"Exif\x00\x00":
            orientation = exif_orientation(data[start + 6 : start + length])
    if frame is None:
        raise InvalidValueError("its JPEG header is damaged or cut short")
    width, height, channels, depth = frame
    return ImageHeader(
        "jpeg",
        width,
        height,
        channels,
        depth,
        orientation,
        is_cmyk=channels == 4,
        missing_end=not ended,
    )
