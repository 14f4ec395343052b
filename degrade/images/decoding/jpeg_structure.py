"""The parts of a JPEG file (ITU T.81): its frame, and what each of its scans brings."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from degrade.errors import InvalidValueError
from degrade.images.headers.jpeg import END_OF_IMAGE, JPEG_FRAMES, jpeg_segments
from degrade.images.headers.turning import first_value

__all__ = ["JpegScan", "JpegStructure", "read_structure", "require_sound_scans"]

_HUFFMAN_TABLES, _SCAN, _ADOBE = 0xC4, 0xDA, 0xEE
_ICC = _MULTI_PICTURE = 0xE2
_PICTURE_COUNT = 0xB001
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_COEFFICIENTS = 64
_LONGEST_ZEROS = 32
"""Bytes. More bits than a block of coefficients that are all −1 takes, which no photo has."""

_CODINGS = {0xC3: "lossless", 0xC9: "arithmetic", 0xCA: "arithmetic", 0xCB: "lossless arithmetic"}


@dataclass(frozen=True, slots=True)
class JpegScan:
    """One scan.

    Attributes
    ----------
    components : tuple of int
        Their names in the file.
    first, last : int
        Coefficients, 0…63 in zigzag order.
    high, low : int
        Bits that earlier scans have brought, and that later ones will.
    parameters, start, end : int
        Where those four begin; where the coded data begin and end.
    zeros_mean : tuple of int
        The AC symbol, for each component, of the Huffman code that is all zeros.
    """

    components: tuple[int, ...]
    first: int
    last: int
    high: int
    low: int
    parameters: int
    start: int
    end: int
    zeros_mean: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class JpegStructure:
    """What a file is made of.

    Attributes
    ----------
    process : int
        The marker of its frame: baseline 0xC0, progressive 0xC2, …
    components : tuple of int
        Their names in the file.
    scans : tuple of JpegScan
    profile : bytes or None
        The ICC profile, its parts joined; None when one is missing.
    adobe_transform : int or None
        What Adobe's segment says: 0 RGB or CMYK, 1 YCbCr, 2 YCCK.
    has_more_pictures : bool
        Others follow: another view, or how much brighter the picture is on HDR screens.
    """

    process: int
    components: tuple[int, ...]
    scans: tuple[JpegScan, ...]
    profile: bytes | None
    adobe_transform: int | None
    has_more_pictures: bool = False

    @property
    def is_progressive(self) -> bool:
        """Several scans bring each coefficient bit by bit."""
        return self.process == _PROGRESSIVE

    @property
    def odd_coding(self) -> str:
        """The name of a coding that few decoders read; empty: none."""
        if self.process in (_BASELINE, _EXTENDED, _PROGRESSIVE):
            return ""
        return _CODINGS.get(self.process, "hierarchical")


def read_structure(data: bytes) -> JpegStructure:
    """Read the parts of a file that has a frame.

    Raises
    ------
    InvalidValueError
        A part is cut short.
    """
    process, adobe = 0, None
    components: tuple[int, ...] = ()
    tables: dict[int, int] = {}
    scans: list[JpegScan] = []
    parts: dict[int, bytes] = {}
    count, more = 0, False
    try:
        for marker, start, length in jpeg_segments(data):
            body = data[start : start + length]
            if scans and scans[-1].end < 0:
                scans[-1] = replace(scans[-1], end=start - (2 if marker == END_OF_IMAGE else 4))
            if marker in JPEG_FRAMES and not process:
                process = marker
                components = tuple(body[6 + 3 * i] for i in range(body[5]))
            elif marker == _HUFFMAN_TABLES:
                tables |= _first_symbols(body)
            elif marker == _SCAN:
                scans.append(_scan(body, start, tables))
            elif marker == _ADOBE and body.startswith(b"Adobe"):
                adobe = body[11]
            elif marker == _MULTI_PICTURE and body.startswith(b"MPF\x00"):
                more = _has_more(body[4:])
            elif marker == _ICC and body.startswith(b"ICC_PROFILE\x00"):
                parts[body[12]], count = body[14:], body[13]
    except (struct.error, IndexError) as error:
        raise InvalidValueError("its JPEG header is damaged or cut short") from error
    if scans and scans[-1].end < 0:
        scans[-1] = replace(scans[-1], end=len(data))
    whole = count > 0 and sorted(parts) == list(range(1, count + 1))
    profile = b"".join(parts[i] for i in sorted(parts)) if whole else None
    return JpegStructure(process, components, tuple(scans), profile, adobe, more)


def _has_more(index: bytes) -> bool:
    """Return whether the index of a file's pictures names several; False when it is damaged."""
    return (first_value(index, _PICTURE_COUNT) or 1) > 1


def _first_symbols(body: bytes) -> dict[int, int]:
    """Return, by class and number of each table, the symbol whose code is all zeros."""
    found, place = {}, 0
    while place < len(body):
        symbols = sum(body[place + 1 : place + 17])
        found[body[place]] = body[place + 17] if symbols else -1
        place += 17 + symbols
    return found


def _scan(body: bytes, start: int, tables: dict[int, int]) -> JpegScan:
    count = body[0]
    names = tuple(body[1 + 2 * i] for i in range(count))
    first, last, bits = struct.unpack_from("BBB", body, 1 + 2 * count)
    zeros = tuple(tables.get(0x10 | body[2 + 2 * i] & 15, 0) for i in range(count))
    parameters = start + 1 + 2 * count
    return JpegScan(
        names, first, last, bits >> 4, bits & 15, parameters, start + len(body), -1, zeros
    )


def require_sound_scans(structure: JpegStructure, data: bytes) -> None:
    """Raise InvalidValueError when the scans do not bring the whole picture.

    A decoder takes what is missing for zero, and says nothing.
    """
    scanned = {name for scan in structure.scans for name in scan.components}
    if not scanned.issuperset(structure.components):
        raise InvalidValueError("a colour's scan is missing: the file was cut or damaged")
    if structure.is_progressive:
        _require_every_bit(structure)
    for scan in structure.scans:
        # Zeros mean blocks without detail in some tables of AC codes, and impossible ones in
        # others. Scans of DC alone have none.
        is_telling = any(scan.zeros_mean) and (scan.first > 0 or not structure.is_progressive)
        if is_telling and data.find(bytes(_LONGEST_ZEROS), scan.start, scan.end) >= 0:
            raise InvalidValueError("a block of zeros lies in its pixels: the file is damaged")


def _require_every_bit(structure: JpegStructure) -> None:
    missing = {name: [1] * _COEFFICIENTS for name in structure.components}
    for scan in structure.scans:
        for name in scan.components:
            bits = missing.setdefault(name, [1] * _COEFFICIENTS)
            bits[scan.first : scan.last + 1] = [scan.low] * (scan.last + 1 - scan.first)
    if any(any(bits) for bits in missing.values()):
        raise InvalidValueError("its last scans are missing: the file was cut or damaged")
