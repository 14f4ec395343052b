"""JPEG inside TIFF: streams without their tables, whose colours the page tells."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import simplejpeg

from degrade.arrays import AnyArray
from degrade.errors import InvalidValueError
from degrade.images.tiff.pages import Photometric, TiffPage

__all__ = ["fill_from_jpeg"]

_EXPANSION = 2048
"""Bytes that one byte of JPEG can give: 10 bits a unit of 32×16 pixels of three samples."""

_REMEDY = "save it with LZW, deflate or without compression"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BASELINE_OR_PROGRESSIVE = (0xC0, 0xC1, 0xC2)
_START_OF_SCAN, _JFIF, _ADOBE = 0xDA, 0xE0, 0xEE
_SPACES = {1: "GRAY", 3: "RGB", 4: "CMYK"}


def fill_from_jpeg(segment: bytes, page: TiffPage, out: AnyArray) -> None:
    """Fill an (h, w, 1, 3 or 4) uint8 array from one segment.

    Raises
    ------
    InvalidValueError
        It is JPEG of a kind that is not read; the text says which.
    ValueError
        It is damaged, or of another size.
    """
    space = _SPACES.get(out.shape[2])
    if space is None:
        raise InvalidValueError(f"its JPEG is of {out.shape[2]} samples a pixel: {_REMEDY}")
    stream = _whole_stream(segment, page)
    height, width, _, _ = simplejpeg.decode_jpeg_header(stream, strict=True)
    if out.dtype != np.uint8 or (height, width) != out.shape[:2]:
        raise ValueError("of another size")
    if len(segment) * _EXPANSION < out.size:
        raise ValueError("too few bytes for its pixels")
    out[:] = simplejpeg.decode_jpeg(stream, space, strict=True)


def _whole_stream(segment: bytes, page: TiffPage) -> bytes:
    """Return a JPEG file: the tables of the page, what the colours are, the segment."""
    tables = [part for _, part in _markers(page.raw(347))]
    own = list(_markers(segment))
    kinds = {kind for kind, _ in own}
    _refuse_other_kinds(own, page)
    # Without a word the decoder takes three components for YCbCr, which those of RGB are not.
    told = kinds & {_JFIF, _ADOBE} or page.samples != 3 or page.is_planar
    transform = page.photometric == Photometric.YCBCR
    adobe = b"" if told else b"\xff\xee\x00\x0eAdobe\x00\x64" + bytes((0, 0, 0, 0, transform))
    return b"".join((b"\xff\xd8", adobe, *tables, segment[2:]))


def _refuse_other_kinds(markers: list[tuple[int, bytes]], page: TiffPage) -> None:
    for kind, part in markers:
        if kind not in _FRAMES:
            continue
        if kind not in _BASELINE_OR_PROGRESSIVE or part[4] != 8:
            raise InvalidValueError(
                f"its JPEG is of {part[4]} bits or of a rare kind (FF {kind:02X}): {_REMEDY}"
            )
        if part[9] != (1 if page.is_planar else page.samples):
            raise ValueError("another number of components")


def _markers(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield kind and bytes of each marker's part, up to the first scan or the end."""
    place = 2
    while place + 4 <= len(stream) and stream[place] == 0xFF:
        kind = stream[place + 1]
        if kind in (_START_OF_SCAN, 0xD9):
            return
        if kind == 0xFF:  # fill byte
            place += 1
            continue
        (length,) = struct.unpack(">H", stream[place + 2 : place + 4])
        yield kind, stream[place : place + 2 + length]
        place += 2 + length
