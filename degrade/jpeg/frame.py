"""How the file of a JPEG photo is built, besides its tables: coding, depth, colours, pictures."""

from __future__ import annotations

import struct

import msgspec

from degrade.images.headers.jpeg import JPEG_FRAMES, is_jpeg, jpeg_segments

__all__ = ["JpegFrame", "jpeg_frame"]

_CODINGS = {
    0xC0: "baseline",
    0xC1: "sequential",
    0xC2: "progressive",
    0xC3: "lossless",
    0xC9: "arithmetic",
    0xCA: "progressive, arithmetic",
}
_APP0, _APP2, _APP14, _SCAN = 0xE0, 0xE2, 0xEE, 0xDA
_ADOBE_RGB = 0


class JpegFrame(msgspec.Struct, frozen=True):
    """What a JPEG file is, besides its tables.

    Attributes
    ----------
    coding : str
        ``baseline``, ``progressive``, …
    bits : int
        Of a sample: 8, or 12.
    colours : {"gray", "luma and chroma", "RGB", "CMYK", "other"}
    tables : int
        How many different quantisation tables its parts use, 1 to 4; 0: some are not there.
    pictures : bool
        Whether more pictures follow the first (MPO; gain maps, views of stereo cameras).
    """

    coding: str
    bits: int
    colours: str
    tables: int
    pictures: bool = False


def jpeg_frame(data: bytes) -> JpegFrame | None:
    """Read what a file's first frame says; None when it is no JPEG, or damaged.

    Parameters
    ----------
    data : bytes
        The file.
    """
    if not is_jpeg(data):
        return None
    head, coding, transform = b"", "", None
    tables: dict[int, bytes] = {}
    has_more = is_jfif = False
    for marker, start, length in jpeg_segments(data):
        body = data[start : start + length]
        if marker in JPEG_FRAMES and not head:
            head, coding = body, _CODINGS.get(marker, "hierarchical")
        elif marker == 0xDB:
            tables |= _bodies(body)
        elif marker == _APP0:
            is_jfif |= body.startswith(b"JFIF\x00") and len(body) >= 14
        elif marker == _APP2:
            has_more |= body.startswith(b"MPF\x00")
        elif marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
            transform = body[11]
        elif marker == _SCAN:
            break
    try:
        bits, parts = head[0], [struct.unpack_from("BBB", head, 6 + 3 * i) for i in range(head[5])]
    except (IndexError, struct.error):
        return None
    used = [tables.get(part[2]) for part in parts]
    count = 0 if None in used else len(set(used))
    names = bytes(part[0] for part in parts)
    # As libjpeg decides: JFIF has no RGB, and Adobe's word counts more than the parts' names.
    is_rgb = names == b"RGB" if transform is None else transform == _ADOBE_RGB
    return JpegFrame(coding, bits, _colours(names, is_rgb and not is_jfif), count, has_more)


def _bodies(body: bytes) -> dict[int, bytes]:
    """Return the tables of a segment by their numbers, as they stand there."""
    found, place = {}, 0
    while place < len(body):
        size = 128 if body[place] >> 4 else 64
        found[body[place] & 15] = body[place + 1 : place + 1 + size]
        place += 1 + size
    return found


def _colours(names: bytes, is_rgb: bool) -> str:
    if len(names) == 3:
        return "RGB" if is_rgb else "luma and chroma"
    return {1: "gray", 4: "CMYK"}.get(len(names), "other")
