"""The parts of a JPEG file (ITU T.81): its frame, and what each of its scans brings."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field, replace

from degrade.errors import InvalidValueError
from degrade.images.headers.jpeg import END_OF_IMAGE, JPEG_FRAMES, jpeg_segments
from degrade.images.headers.turning import first_value

__all__ = ["JpegScan", "JpegStructure", "read_structure", "require_sound_scans"]

_HUFFMAN_TABLES, _SCAN, _STEPS, _RESTART, _ADOBE = 0xC4, 0xDA, 0xDB, 0xDD, 0xEE
_ICC = _MULTI_PICTURE = 0xE2
_PICTURE_COUNT = 0xB001
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_COEFFICIENTS, _COUNTS = 64, 16
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
    mean_codes, detail_codes : tuple of bytes
        For each component, its Huffman tables of DC and of AC: 16 counts, then the symbols. Empty
        where the file has none.
    steps : tuple of tuple of int
        For each component, its quantisation steps in zigzag order; empty where it has none.
    restart : int
        Units of blocks between restart markers; 0: there are none.
    """

    components: tuple[int, ...]
    first: int
    last: int
    high: int
    low: int
    parameters: int
    start: int
    end: int
    mean_codes: tuple[bytes, ...]
    detail_codes: tuple[bytes, ...]
    steps: tuple[tuple[int, ...], ...]
    restart: int

    @property
    def zeros_mean(self) -> tuple[int, ...]:
        """The AC symbol, for each component, of the code that is all zeros; -1: of none."""
        return tuple(_first_symbol(codes) for codes in self.detail_codes)


@dataclass(frozen=True, slots=True)
class JpegStructure:
    """What a file is made of.

    Attributes
    ----------
    process : int
        The marker of its frame: baseline 0xC0, progressive 0xC2, …
    sampling : dict of int to (int, int)
        By each component's name in the file: how finely it is sampled across and down.
    scans : tuple of JpegScan
    profile : bytes or None
        The ICC profile, its parts joined; None when one is missing.
    adobe_transform : int or None
        What Adobe's segment says: 0 RGB or CMYK, 1 YCbCr, 2 YCCK.
    has_more_pictures : bool
        Others follow: another view, or how much brighter the picture is on HDR screens.
    """

    process: int
    sampling: dict[int, tuple[int, int]]
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
    frame: dict[int, tuple[int, int, int]] = {}
    tables = _Tables()
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
                frame = _frame(body)
            elif marker in (_HUFFMAN_TABLES, _STEPS, _RESTART):
                tables.take(marker, body)
            elif marker == _SCAN:
                scans.append(_scan(body, start, frame, tables))
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
    sampling = {name: (across, down) for name, (across, down, _) in frame.items()}
    return JpegStructure(process, sampling, tuple(scans), profile, adobe, more)


def _has_more(index: bytes) -> bool:
    """Return whether the index of a file's pictures names several; False when it is damaged."""
    return (first_value(index, _PICTURE_COUNT) or 1) > 1


def _frame(body: bytes) -> dict[int, tuple[int, int, int]]:
    """Return, by component, its sampling across and down and the number of its steps' table."""
    parts = (struct.unpack_from("BBB", body, 6 + 3 * i) for i in range(body[5]))
    return {name: (*divmod(sampling, 16), table) for name, sampling, table in parts}


@dataclass(slots=True)
class _Tables:
    """What the scans that follow are read with.

    Attributes
    ----------
    codes : dict of int to bytes
        By class and number.
    steps : dict of int to tuple of int
        By number.
    restart : int
        As in :class:`JpegScan`.
    """

    codes: dict[int, bytes] = field(default_factory=dict)
    steps: dict[int, tuple[int, ...]] = field(default_factory=dict)
    restart: int = 0

    def take(self, marker: int, body: bytes) -> None:
        """Read a segment."""
        if marker == _RESTART:
            (self.restart,) = struct.unpack_from(">H", body)
            return
        place = 0
        while place < len(body):
            number = body[place]
            if marker == _HUFFMAN_TABLES:
                size = _COUNTS + sum(body[place + 1 : place + 1 + _COUNTS])
                self.codes[number] = body[place + 1 : place + 1 + size]
            else:
                form = f">{_COEFFICIENTS}{'H' if number >> 4 else 'B'}"
                size = struct.calcsize(form)
                self.steps[number & 15] = struct.unpack_from(form, body, place + 1)
            place += 1 + size


def _first_symbol(codes: bytes) -> int:
    """Return the symbol of the code that is all zeros; -1: of none, 0: without a table."""
    if not codes:
        return 0
    return codes[_COUNTS] if len(codes) > _COUNTS else -1


def _scan(
    body: bytes, start: int, frame: dict[int, tuple[int, int, int]], tables: _Tables
) -> JpegScan:
    count = body[0]
    names = tuple(body[1 + 2 * i] for i in range(count))
    used = [body[2 + 2 * i] for i in range(count)]
    first, last, bits = struct.unpack_from("BBB", body, 1 + 2 * count)
    return JpegScan(
        components=names,
        first=first,
        last=last,
        high=bits >> 4,
        low=bits & 15,
        parameters=start + 1 + 2 * count,
        start=start + len(body),
        end=-1,
        mean_codes=tuple(tables.codes.get(both >> 4, b"") for both in used),
        detail_codes=tuple(tables.codes.get(0x10 | both & 15, b"") for both in used),
        steps=tuple(tables.steps.get(frame.get(name, (0, 0, -1))[2], ()) for name in names),
        restart=tables.restart,
    )


def require_sound_scans(structure: JpegStructure, data: bytes) -> None:
    """Raise InvalidValueError when the scans do not bring the whole picture.

    A decoder takes what is missing for zero, and says nothing.
    """
    scanned = {name for scan in structure.scans for name in scan.components}
    if not scanned.issuperset(structure.sampling):
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
    missing = {name: [1] * _COEFFICIENTS for name in structure.sampling}
    for scan in structure.scans:
        for name in scan.components:
            bits = missing.setdefault(name, [1] * _COEFFICIENTS)
            bits[scan.first : scan.last + 1] = [scan.low] * (scan.last + 1 - scan.first)
    if any(any(bits) for bits in missing.values()):
        raise InvalidValueError("its last scans are missing: the file was cut or damaged")
