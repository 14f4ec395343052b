"""What a file says of its colours, found in its bytes before any pixel is decoded."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from degrade.errors import InvalidValueError
from degrade.images.colour.icc import MAX_PROFILE_BYTES
from degrade.images.tiff.pages import embedded_profile, photo_page
from degrade.images.tiff_directory import TiffDirectory, TiffEntry, is_tiff

__all__ = ["ColourFacts", "jpeg_segments", "read_colour_facts"]

_ICC_MARK = b"ICC_PROFILE\0"
_EXIF_MARK = b"Exif\0\0"
_MOST_ENTRIES = 512
_EXIF_DIRECTORY, _COLOUR_SPACE, _INTEROPERABILITY = 34665, 40961, 40965
_ADOBE_RGB = 2


@dataclass(frozen=True, slots=True)
class ColourFacts:
    """What a file says of its colours; a file that says nothing has the defaults.

    Attributes
    ----------
    cicp : four ints or None
        Code points of ITU-T H.273: primaries, transfer, matrix, full range.
    profile : bytes or None
        The ICC profile as it is embedded; empty when it cannot be put together.
    is_srgb : bool
        PNG's sRGB chunk is there.
    gamma : float or None
        Of PNG's gAMA chunk: 1/2.2 is usual.
    chromaticities : eight floats or None
        Of PNG's cHRM chunk: x and y of white, red, green, blue.
    exif_says_adobe : bool
        EXIF names Adobe RGB: the DCF option file R03, or colour space 2.
    """

    cicp: tuple[int, int, int, int] | None = None
    profile: bytes | None = None
    is_srgb: bool = False
    gamma: float | None = None
    chromaticities: tuple[float, float, float, float, float, float, float, float] | None = None
    exif_says_adobe: bool = False


NO_FACTS = ColourFacts()


def read_colour_facts(data: bytes, format: str) -> ColourFacts:
    """Find what an image file, given whole, says of its colours.

    Parameters
    ----------
    data : bytes
    format : str
        As the header has it; of others than ``png``, ``jpeg``, ``webp`` and ``tiff`` nothing is
        known.

    Notes
    -----
    Damaged parts count as not there; whether the file as a whole is sound is not looked at.
    """
    try:
        match format:
            case "png":
                return _png_facts(data)
            case "jpeg":
                return _jpeg_facts(data)
            case "webp":
                return _webp_facts(data)
            case "tiff":
                return ColourFacts(profile=_tiff_profile(data), exif_says_adobe=_is_adobe(data))
    except (struct.error, IndexError):
        pass
    return NO_FACTS


def _png_facts(data: bytes) -> ColourFacts:
    chunks: dict[bytes, bytes] = {}
    position = 8
    while position + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind in (b"IDAT", b"IEND"):
            break
        body = data[position + 8 : position + 8 + length]
        if kind in _PNG_CHUNKS and kind not in chunks:
            sum_there = data[position + 8 + length : position + 12 + length]
            is_whole = zlib.crc32(body, zlib.crc32(kind)).to_bytes(4) == sum_there
            if is_whole or kind == b"iCCP":
                chunks[kind] = body if is_whole else b""
        position += 12 + length
    if not chunks:
        return NO_FACTS
    cicp, gamma, chromaticities = (chunks.get(kind, b"") for kind in (b"cICP", b"gAMA", b"cHRM"))
    xy = struct.unpack(">8I", chromaticities) if len(chromaticities) == 32 else None
    return ColourFacts(
        cicp=(cicp[0], cicp[1], cicp[2], cicp[3]) if len(cicp) == 4 else None,
        profile=_unpacked(chunks[b"iCCP"]) if b"iCCP" in chunks else None,
        is_srgb=len(chunks.get(b"sRGB", b"")) == 1,
        gamma=int.from_bytes(gamma) / 100000 if len(gamma) == 4 and any(gamma) else None,
        chromaticities=_eight([value / 100000 for value in xy]) if xy else None,
        exif_says_adobe=_is_adobe(chunks.get(b"eXIf", b"")),
    )


_PNG_CHUNKS = frozenset((b"cICP", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"eXIf"))


def _eight(
    values: list[float],
) -> tuple[float, float, float, float, float, float, float, float]:
    a, b, c, d, e, f, g, h = values
    return a, b, c, d, e, f, g, h


def _unpacked(chunk: bytes) -> bytes:
    """Return the profile of an iCCP chunk: a name, a zero, the method 0, a deflate stream."""
    _, _, rest = chunk.partition(b"\0")
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(rest[1:], MAX_PROFILE_BYTES + 1) if rest[:1] == b"\0" else b""
    except zlib.error:
        return b""
    return profile if inflate.eof else b""


def _jpeg_facts(data: bytes) -> ColourFacts:
    parts: dict[int, bytes] = {}
    total, is_whole, exif_says_adobe = 0, True, False
    for marker, body in jpeg_segments(data):
        if marker == 0xE2 and body.startswith(_ICC_MARK) and len(body) > 14:
            is_whole &= body[12] not in parts and total in (0, body[13])
            total = body[13]
            parts[body[12]] = body[14:]
        elif marker == 0xE1 and body.startswith(_EXIF_MARK):
            exif_says_adobe |= _is_adobe(body[6:])
    profile = None
    if parts:
        is_whole &= len(parts) == total
        profile = b"".join(parts[number] for number in sorted(parts)) if is_whole else b""
    return ColourFacts(profile=profile, exif_says_adobe=exif_says_adobe)


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and content of the segments before the first scan."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if marker in (0xDA, 0xD9):
            return
        (length,) = struct.unpack_from(">H", data, position + 2)
        yield marker, data[position + 4 : position + 2 + length]
        position += 2 + max(length, 2)


def _webp_facts(data: bytes) -> ColourFacts:
    profile, exif_says_adobe, position = None, False, 12
    while position + 8 <= len(data):
        kind, length = struct.unpack_from("<4sI", data, position)
        if kind == b"ICCP":
            profile = data[position + 8 : position + 8 + length]
        elif kind == b"EXIF":
            block = data[position + 8 : position + 8 + length]
            exif_says_adobe = _is_adobe(block.removeprefix(_EXIF_MARK))
        position += 8 + length + length % 2
    return ColourFacts(profile=profile, exif_says_adobe=exif_says_adobe)


def _tiff_profile(data: bytes) -> bytes | None:
    try:
        return embedded_profile(photo_page(data).page)
    except InvalidValueError:
        return None


def _is_adobe(block: bytes) -> bool:
    """Tell whether EXIF data, which begin as a TIFF file does, name Adobe RGB."""
    try:
        if not is_tiff(block):
            return False
        directory = TiffDirectory.read(block)
        exif = _below(directory, _EXIF_DIRECTORY)
        if exif is None:
            return False
        space = _entries(exif).get(_COLOUR_SPACE)
        if space is not None and exif.integers(space).tolist() == [_ADOBE_RGB]:
            return True
        inner = _below(exif, _INTEROPERABILITY)
        index = None if inner is None else _entries(inner).get(1)
        return index is not None and block[index.offset : index.offset + 3] == b"R03"
    except struct.error:
        return False


def _entries(directory: TiffDirectory) -> dict[int, TiffEntry]:
    return {entry.tag: entry for entry in directory.entries(_MOST_ENTRIES)}


def _below(directory: TiffDirectory, tag: int) -> TiffDirectory | None:
    """Return the directory that an entry points at."""
    entry = _entries(directory).get(tag)
    places = [] if entry is None else directory.integers(entry).tolist()
    if len(places) != 1 or not 0 < places[0] < len(directory.data):
        return None
    return TiffDirectory.read(directory.data, places[0])
