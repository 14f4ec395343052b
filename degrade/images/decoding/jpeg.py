"""JPEG, by libjpeg-turbo (simplejpeg), where each of its warnings is a refusal.

libjpeg goes on after damage: what it could not decode is gray, and all that is said of it is a
warning. Here a warning ends the file, but for those of harmless oddities: numbers in segments that
no decoder heeds, and a few zeros behind the pixels.
"""

from __future__ import annotations

import re

import numpy as np
import simplejpeg

from degrade.arrays import AnyArray, U8Array
from degrade.errors import InvalidValueError
from degrade.images.decoding.decoded import Decoded
from degrade.images.decoding.jpeg_coefficients import require_possible_coefficients
from degrade.images.decoding.jpeg_structure import (
    JpegStructure,
    read_structure,
    require_sound_scans,
)
from degrade.images.headers import ImageHeader
from degrade.images.headers.jpeg import has_makers_trailer
from degrade.images.opencv import cv2

__all__ = ["decode_jpeg"]

_END = b"\xff\xd9"
_MOST_PADDING = 16
_STRIP = 256
_SPARE_BYTES = re.compile(r"(\d+) extraneous bytes before marker 0xd9")


def decode_jpeg(data: bytes, header: ImageHeader) -> Decoded:
    """Decode a JPEG file; as :data:`degrade.images.decoding.decoded.Decoder` says."""
    structure = read_structure(data)
    _require_known_coding(structure, header)
    is_ended = not has_makers_trailer(data) or _has_end(data, structure)
    if not is_ended:
        data = data[: structure.scans[0].end] + _END
    require_sound_scans(structure, data)
    require_possible_coefficients(structure, data, header)
    space = {1: "GRAY", 4: "CMYK"}.get(header.channels, "RGB")
    pixels, notes = _decoded(_plain(data, structure), space, structure, is_ended=is_ended)
    if pixels.shape[:2] != (header.height, header.width):
        raise InvalidValueError("its pixels do not fill the size in its header")
    if not is_ended:
        notes = ("end marker missing",)
    notes += ("first of several pictures",) * structure.has_more_pictures
    if space == "GRAY":
        return Decoded(
            cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB), None, structure.profile, ("gray", *notes)
        )
    if space == "CMYK":
        notes = ("CMYK converted", *notes)
        return Decoded(_light(pixels), None, structure.profile, notes, inks=pixels)
    return Decoded(pixels, None, structure.profile, notes)


def _require_known_coding(structure: JpegStructure, header: ImageHeader) -> None:
    if structure.odd_coding:
        raise InvalidValueError(f"{structure.odd_coding} JPEG is not supported")
    if header.bit_depth != 8:
        raise InvalidValueError(f"JPEG of {header.bit_depth} bits is not supported")
    if header.channels not in (1, 3, 4):
        raise InvalidValueError(f"JPEG of {header.channels} channels is not supported")


def _decoded(
    data: bytes, space: str, structure: JpegStructure, *, is_ended: bool
) -> tuple[U8Array, tuple[str, ...]]:
    """Return the pixels and notes; InvalidValueError with the decoder's first warning."""
    try:
        return simplejpeg.decode_jpeg(data, space), ()
    except ValueError as warning:
        spare = _SPARE_BYTES.search(str(warning))
        # Without an end marker a maker's trailer begins behind the pixels, nobody knows where.
        if spare is None or (is_ended and not _is_padding(int(spare.group(1)), data, structure)):
            reason = str(warning).removeprefix("Corrupt JPEG data: ")
            raise InvalidValueError(f"its pixels are damaged ({reason})") from None
    # That was the first warning: all pixels were there when the decoder came to those bytes.
    return simplejpeg.decode_jpeg(data, space, strict=False), ("padding behind its pixels",)


def _is_padding(spare: int, data: bytes, structure: JpegStructure) -> bool:
    """Return whether the bytes between pixels and end marker are few, and hold nothing."""
    end = structure.scans[-1].end
    return spare <= _MOST_PADDING and not data[end - spare : end].strip(b"\x00\xff")


def _has_end(data: bytes, structure: JpegStructure) -> bool:
    """Return whether an end marker follows the pixels."""
    if not structure.scans or structure.is_progressive:
        return True
    end = structure.scans[-1].end
    return data[end : end + 2] == _END


def _plain(data: bytes, structure: JpegStructure) -> bytes:
    """Return the file with what libjpeg warns of and does not heed set to what it takes it for."""
    patched = bytearray(data)
    if data[2:4] == b"\xff\xe0" and data[6:11] == b"JFIF\x00":
        patched[11] = 1
    if not structure.is_progressive:
        for scan in structure.scans:
            patched[scan.parameters : scan.parameters + 3] = bytes((0, 63, 0))
    return data if patched == data else bytes(patched)


def _light(inks: AnyArray) -> U8Array:
    """Return CMYK as RGB: each ink lets a share of the light through, black of all.

    Parameters
    ----------
    inks : (H, W, 4) uint8 array
        255: no ink, as Adobe writes it.
    """
    rgb = np.empty((*inks.shape[:2], 3), np.uint8)
    for top in range(0, len(inks), _STRIP):
        strip = inks[top : top + _STRIP].astype(np.int32)
        black = strip[..., 3:]
        rgb[top : top + _STRIP] = black - ((255 - strip[..., :3]) * black >> 8)
    return rgb
