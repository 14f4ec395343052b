"""ICC profiles, read without trust: every place and size is checked before anything is used.

Profiles of curves and a matrix (nearly all) are evaluated here. Those of tables, as of scanners
and printers, are handed on as a new profile that holds the checked tags and nothing else.

References
----------
ICC.1:2022 (profile version 4.4); ICC.1:2001-04 for the description in version 2.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from degrade.errors import printable
from degrade.images.colour.spaces import D50, HDR_TRANSFERS, Curve, Doubles, RgbSpace, power_curve

__all__ = [
    "DamagedProfileError",
    "GrayProfile",
    "MatrixProfile",
    "Profile",
    "TableProfile",
    "hdr_of_profile",
    "read_profile",
]

MAX_PROFILE_BYTES = 1 << 24
"""The largest profiles, of printing presses, have 3 MiB; a JPEG can hold 16."""

_HEADER = 128
_MOST_TAGS = 100
_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
_NAME_LETTERS = 40
_MOST_CURVE_POINTS = 1 << 16
_LARGEST_XYZ, _WHITE_TOLERANCE = 4.0, 0.5
_TABLES = (b"A2B1", b"A2B0")
"""The colorimetric table, and the one that stands for it where there is none."""


class DamagedProfileError(ValueError):
    """A profile is not what its standard says, or not for pictures of this kind."""


@dataclass(frozen=True, slots=True, eq=False)
class MatrixProfile:
    """A profile of three curves and a matrix."""

    space: RgbSpace


@dataclass(frozen=True, slots=True, eq=False)
class GrayProfile:
    """A profile of one curve; to light, on [0, 1]."""

    name: str
    curve: Curve


@dataclass(frozen=True, slots=True)
class TableProfile:
    """A profile of tables.

    Attributes
    ----------
    name : str
    channels : {1, 3, 4}
        Gray, RGB, CMYK.
    data : bytes
        A profile with the tags that a conversion needs, each of them checked.
    """

    name: str
    channels: int
    data: bytes


Profile: TypeAlias = MatrixProfile | GrayProfile | TableProfile

_CHANNELS = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}


def read_profile(data: bytes) -> Profile:
    """Read an ICC profile as it is embedded in a file.

    Raises
    ------
    DamagedProfileError
        It cannot be used for pictures.
    """
    try:
        return _read(data)
    except (struct.error, ArithmeticError, ValueError, np.linalg.LinAlgError) as error:
        raise DamagedProfileError(str(error)) from None


def hdr_of_profile(data: bytes) -> str | None:
    """Return "PQ" or "HLG" when a profile's ``cicp`` tag says so; None for all others."""
    try:
        cicp = _tags(data).get(b"cicp", b"")
    except (struct.error, DamagedProfileError):
        return None
    return HDR_TRANSFERS.get(cicp[9]) if cicp[:4] == b"cicp" and len(cicp) >= 12 else None


def _read(data: bytes) -> Profile:
    tags = _tags(data)
    space, connection = data[16:20], data[20:24]
    if (
        data[12:16] not in _CLASSES
        or space not in _CHANNELS
        or connection not in (b"XYZ ", b"Lab ")
    ):
        raise DamagedProfileError("of no kind that pictures have")
    name = _name(tags.get(b"desc", b""))
    if any(tag in tags for tag in _TABLES):
        return TableProfile(name, _CHANNELS[space], _reduced(data, tags, _CHANNELS[space]))
    if space == b"GRAY":
        return GrayProfile(name, _gray_curve(tags[b"kTRC"], connection))
    if space != b"RGB " or connection != b"XYZ ":
        raise DamagedProfileError("without tables")
    to_xyz = np.stack([_xyz(tags[tag]) for tag in (b"rXYZ", b"gXYZ", b"bXYZ")], 1)
    if abs(np.linalg.det(to_xyz)) < 1e-6 or abs(to_xyz).max() > _LARGEST_XYZ:
        raise DamagedProfileError("no light has its primaries")
    if abs(to_xyz.sum(1) / D50 - 1).max() > _WHITE_TOLERANCE:
        raise DamagedProfileError("its white is none")
    red, green, blue = (_curve(tags[tag]) for tag in (b"rTRC", b"gTRC", b"bTRC"))
    return MatrixProfile(RgbSpace(name, (red, green, blue), to_xyz))


class _Tags(dict[bytes, bytes]):
    def __missing__(self, tag: bytes) -> bytes:
        raise DamagedProfileError(f"without {tag!r}")


def _tags(data: bytes) -> _Tags:
    """Return what each tag holds; the first of those with one name."""
    if not _HEADER + 4 <= len(data) <= MAX_PROFILE_BYTES or data[36:40] != b"acsp":
        raise DamagedProfileError("no profile")
    size, number = *struct.unpack_from(">I", data), *struct.unpack_from(">I", data, _HEADER)
    if not _HEADER + 4 <= size <= len(data) or number > _MOST_TAGS or not 2 <= data[8] <= 5:
        raise DamagedProfileError("cut short, or of an unknown version")
    tags = _Tags()
    for place in range(_HEADER + 4, _HEADER + 4 + 12 * number, 12):
        tag, offset, length = struct.unpack_from(">4sII", data, place)
        if offset < _HEADER or offset + length > size:
            raise DamagedProfileError("a tag lies outside of it")
        tags.setdefault(tag, data[offset : offset + length])
    return tags


def _name(tag: bytes) -> str:
    """Return the description, on one line and short."""
    text = ""
    if tag[:4] == b"desc" and len(tag) >= 12:
        (length,) = struct.unpack_from(">I", tag, 8)
        text = tag[12 : 12 + length].split(b"\0")[0].decode("latin-1")
    elif tag[:4] == b"mluc" and len(tag) >= 28:
        length, offset = struct.unpack_from(">II", tag, 20)
        text = tag[offset : offset + length].decode("utf-16-be", "replace").split("\0")[0]
    elif tag[:4] == b"text":
        text = tag[8:].split(b"\0")[0].decode("latin-1")
    text = printable(" ".join(text[: 4 * _NAME_LETTERS].split()))
    if len(text) > _NAME_LETTERS:
        text = text[: _NAME_LETTERS - 3].rstrip() + "..."
    return text or "an unnamed profile"


def _xyz(tag: bytes) -> Doubles:
    if tag[:4] != b"XYZ " or len(tag) < 20:
        raise DamagedProfileError("a colour is damaged")
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _gray_curve(tag: bytes, connection: bytes) -> Curve:
    curve = _curve(tag)
    if connection == b"XYZ ":
        return curve
    return lambda values: _light_of_lightness(curve(values))


def _light_of_lightness(lightness: Doubles) -> Doubles:
    """Return Y of L* (CIE 15), both on [0, 1]."""
    cube = ((lightness * 100 + 16) / 116) ** 3
    return np.asarray(np.where(lightness > 0.08, cube, lightness * 100 * 27 / 24389))


def _curve(tag: bytes) -> Curve:
    """Return a curve after a trial, so that it gives finite light for every value."""
    curve = _parsed_curve(tag)

    def clipped(values: Doubles) -> Doubles:
        with np.errstate(all="ignore"):
            return np.clip(curve(values), 0.0, 1.0)

    light = clipped(np.linspace(0, 1, 257))
    if not np.isfinite(light).all() or light.max() <= light.min():
        raise DamagedProfileError("a curve is damaged")
    return clipped


def _parsed_curve(tag: bytes) -> Curve:
    kind = tag[:4]
    if kind == b"para":
        return _parametric_curve(tag)
    if kind != b"curv":
        raise DamagedProfileError("a curve is damaged")
    (count,) = struct.unpack_from(">I", tag, 8)
    if count > min(_MOST_CURVE_POINTS, (len(tag) - 12) // 2):
        raise DamagedProfileError("a curve is cut short")
    points = np.frombuffer(tag, ">u2", count, 12).astype(np.float64)
    if count == 0:
        return power_curve(1.0)
    if count == 1:
        return power_curve(float(points[0]) / 256)
    places = np.linspace(0.0, 1.0, count)
    return lambda values: np.interp(values, places, points / 65535)


def _parametric_curve(tag: bytes) -> Curve:
    """ICC.1:2022, 10.18; what a kind does not state is 0, and a is 1."""
    (kind,) = struct.unpack_from(">H", tag, 8)
    if kind > 4:
        raise DamagedProfileError("a curve of an unknown kind")
    count = (1, 3, 4, 5, 7)[kind]
    numbers: list[float] = [n / 65536 for n in struct.unpack_from(f">{count}i", tag, 12)]
    numbers += [1.0, 0.0, 0.0, 0.0, 0.0, 0.0][count - 1 :]
    g, a, b, c, d, e, f = numbers
    if kind == 0:
        return power_curve(g)
    if kind in (1, 2):  # constant where the power ends
        c, d, e, f = 0.0, -b / a, c, c
    return lambda values: np.where(
        values >= d, np.maximum(a * values + b, 0.0) ** g + e, c * values + f
    )


def _reduced(data: bytes, tags: _Tags, channels: int) -> bytes:
    """Return a profile with the tags that a conversion to sRGB needs.

    What else there is could mean something else to the library that reads it, or be damaged.
    """
    table = next(tag for tag in _TABLES if tag in tags)
    kept = {table: tags[table]}
    _check_table(kept[table], channels, 3)
    if b"B2A0" in tags and channels == 4:  # from which the black of inks is found
        kept[b"B2A0"] = tags[b"B2A0"]
        _check_table(kept[b"B2A0"], 3, channels)
        if b"A2B0" in tags:
            kept[b"A2B0"] = tags[b"A2B0"]
            _check_table(kept[b"A2B0"], channels, 3)
    return _assembled(data[:_HEADER], kept)


def _assembled(header: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    offset = _HEADER + 4 + 12 * len(tags)
    directory, body = struct.pack(">I", len(tags)), b""
    for tag, content in tags.items():
        directory += struct.pack(">4sII", tag, offset + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    return struct.pack(">I", offset + len(body)) + header[4:] + directory + body


def _check_table(tag: bytes, inputs: int, outputs: int) -> None:
    """Refuse a table whose parts do not lie in it."""
    kind = tag[:4]
    if kind not in (b"mft1", b"mft2", b"mAB ", b"mBA ") or len(tag) < 32:
        raise DamagedProfileError("a table of an unknown kind")
    if (tag[8], tag[9]) != (inputs, outputs):
        raise DamagedProfileError("a table for other colours")
    if kind in (b"mft1", b"mft2"):
        _check_simple_table(tag, inputs, outputs)
    else:
        _check_staged_table(tag, inputs, outputs)


def _check_simple_table(tag: bytes, inputs: int, outputs: int) -> None:
    grid, size, head, width = tag[10], 256, 48, 1
    ends = (256, 256)
    if tag[:4] == b"mft2":
        head, width = 52, 2
        ends = struct.unpack_from(">HH", tag, 48)
    size = ends[0] * inputs + grid**inputs * outputs + ends[1] * outputs
    if grid < 2 or min(ends) < 2 or max(ends) > 4096 or head + width * size > len(tag):
        raise DamagedProfileError("a table is cut short")


def _check_staged_table(tag: bytes, inputs: int, outputs: int) -> None:
    """LutAToBType and lutBToAType: curves, a matrix, curves, a grid, curves."""
    b, matrix, m, grid, a = struct.unpack_from(">5I", tag, 12)
    is_forward = tag[:4] == b"mAB "
    light, ink = (outputs, inputs) if is_forward else (inputs, outputs)
    if b == 0 or bool(grid) != bool(a) or (grid == 0 and inputs != outputs):
        raise DamagedProfileError("a table is damaged")
    if matrix and matrix + 48 > len(tag):
        raise DamagedProfileError("a table is cut short")
    for place, number in ((b, light), (m, light), (a, ink)):
        if place:
            _check_curves(tag, place, number)
    if grid:
        points, width = tag[grid : grid + inputs], tag[grid + 16 : grid + 17]
        if len(points) < inputs or min(points) < 2 or width not in (b"\1", b"\2"):
            raise DamagedProfileError("a table is damaged")
        size = int(np.prod([int(p) for p in points], dtype=object)) * outputs * width[0]
        if grid + 20 + size > len(tag):
            raise DamagedProfileError("a table is cut short")


def _check_curves(tag: bytes, place: int, number: int) -> None:
    """Refuse curves that do not lie in a table, one behind the other on multiples of 4."""
    for _ in range(number):
        curve = tag[place:]
        _parsed_curve(curve)
        if curve[:4] == b"para":
            (kind,) = struct.unpack_from(">H", curve, 8)
            length = 12 + 4 * (1, 3, 4, 5, 7)[kind]
        else:
            length = 12 + 2 * int(struct.unpack_from(">I", curve, 8)[0])
        place += length + -length % 4
