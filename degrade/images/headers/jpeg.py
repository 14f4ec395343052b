"""What a JPEG file says of its image (ITU T.81)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from degrade.errors import InvalidValueError
from degrade.images.headers.header import ImageHeader
from degrade.images.headers.turning import EXIF_MARK, orientation_of

__all__ = [
    "END_OF_IMAGE",
    "JPEG_FRAMES",
    "has_makers_trailer",
    "is_jpeg",
    "jpeg_segments",
    "parse_jpeg",
]

END_OF_IMAGE = 0xD9
# Start-of-frame markers: 0xC0…0xCF without DHT (C4), JPG (C8) and DAC (CC).
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_HUFFMAN_CODED, _PROGRESSIVE = (0xC0, 0xC1, 0xC2), 0xC2
_APP1, _XMP = 0xE1, b"http://ns.adobe.com/xap/1.0/\x00"
_MAKERS_TRAILERS = (b"SEFT",)
_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])", re.DOTALL)


def is_jpeg(data: bytes) -> bool:
    """Return whether data begin as a JPEG file does."""
    return data.startswith(b"\xff\xd8\xff")


def has_makers_trailer(data: bytes) -> bool:
    """Return whether data end in what Samsung's phones add, some of them without an end marker."""
    return data.endswith(_MAKERS_TRAILERS)


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
    exif: bytes | None = None
    xmp: bytes | None = None
    ended, least = False, 0
    for marker, start, length in jpeg_segments(data):
        ended = marker == END_OF_IMAGE
        if marker in JPEG_FRAMES and frame is None:
            depth, height, width, channels = struct.unpack(">BHHB", data[start : start + 6])
            frame = (width, height, channels, depth)
            least = _least_bytes(marker, data[start : start + length])
        elif marker == _APP1 and exif is None and data.startswith(EXIF_MARK, start):
            exif = data[start : start + length]
        elif marker == _APP1 and xmp is None and data.startswith(_XMP, start):
            xmp = data[start : start + length]
    if frame is None:
        raise InvalidValueError("its JPEG header is damaged or cut short")
    width, height, channels, depth = frame
    return ImageHeader(
        "jpeg",
        width,
        height,
        channels,
        depth,
        orientation_of(exif, xmp),
        is_cmyk=channels == 4,
        missing_end=not ended and not has_makers_trailer(data),
        least_bytes=least,
    )


def _least_bytes(process: int, frame: bytes) -> int:
    """Return how many bytes a picture takes at the least when all of it is of one colour.

    A Huffman code is of one bit or more. Each block of 8×8 samples has one for its mean, and in
    files that are not progressive one more that says that nothing follows.
    """
    if process not in _HUFFMAN_CODED:
        return 0
    height, width = struct.unpack(">HH", frame[1:5])
    sampling = [divmod(frame[7 + 3 * i], 16) for i in range(frame[5])]
    across = max([1, *(h for h, _ in sampling)])
    down = max([1, *(v for _, v in sampling)])
    blocks: int = sum(
        -(-width * h // (8 * across)) * -(-height * v // (8 * down)) for h, v in sampling
    )
    return blocks * (1 if process == _PROGRESSIVE else 2) // 8
