"""How a JPEG file was compressed: its quantisation tables and the subsampling of its colours."""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from degrade.errors import InvalidValueError
from degrade.images.headers.jpeg import JPEG_FRAMES, jpeg_segments
from degrade.jpeg.frame import jpeg_frame

__all__ = [
    "EXAMPLES",
    "UNITS",
    "JpegSettings",
    "Subsampling",
    "Table",
    "in_zigzag",
    "jpeg_settings",
    "quality_of",
    "scaled_table",
    "standard_tables",
]

_QUANTISATION = 0xDB

# ITU T.81, tables K.1 and K.2.
# fmt: off
_LUMA = (
    16, 11, 10, 16, 24, 40, 51, 61,
    12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56,
    14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77,
    24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
)
_CHROMA = (
    17, 18, 24, 47, 99, 99, 99, 99,
    18, 21, 26, 66, 99, 99, 99, 99,
    24, 26, 56, 99, 99, 99, 99, 99,
    47, 66, 99, 99, 99, 99, 99, 99,
    *(99,) * 32,
)
# fmt: on

EXAMPLES = (_LUMA, _CHROMA)
"""The standard's example tables of luma and chroma, row by row."""

Subsampling: TypeAlias = Literal["4:4:4", "4:2:2", "4:2:0", "4:4:0", "4:1:1", "other"]

Table: TypeAlias = Annotated[
    tuple[Annotated[int, msgspec.Meta(ge=1, le=65535)], ...],
    msgspec.Meta(min_length=64, max_length=64),
]
"""64 steps, row by row from the mean (top left) to the finest (bottom right)."""

_SUBSAMPLINGS: dict[tuple[int, int], Subsampling] = {
    (1, 1): "4:4:4",
    (2, 1): "4:2:2",
    (2, 2): "4:2:0",
    (1, 2): "4:4:0",
    (4, 1): "4:1:1",
}


UNITS: dict[Subsampling, tuple[int, int]] = {
    name: (8 * down, 8 * across) for (across, down), name in _SUBSAMPLINGS.items()
}
"""Height and width of what a block of each chroma covers, in pixels."""


class JpegSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What decides, besides its pixels, on the coefficients of a JPEG file.

    Attributes
    ----------
    luma : tuple of 64 int
        Quantisation steps; of a gray file its only ones.
    chroma : tuple of 64 int or None
        None: the file is gray, or holds no luma and chroma (RGB, CMYK).
    subsampling : str
        ``4:2:0`` and so on; ``4:4:4`` where there is no chroma.
    """

    luma: Table
    chroma: Table | None
    subsampling: Subsampling


@functools.cache
def standard_tables(quality: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the luma and chroma tables of a quality of libjpeg, 1…100.

    They are the examples of ITU T.81, annex K, scaled as libjpeg's ``jpeg_quality_scaling`` and
    ``jpeg_add_quant_table`` do.
    """
    return scaled_table(_LUMA, quality), scaled_table(_CHROMA, quality)


def scaled_table(base: Sequence[int], quality: int) -> tuple[int, ...]:
    """Return a table as libjpeg scales it for a quality of 1…100; whole numbers, of 1…255."""
    if not 1 <= quality <= 100:
        raise InvalidValueError(f"quality must be in 1…100, got {quality}")
    percent = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(min(max((step * percent + 50) // 100, 1), 255) for step in base)


def quality_of(settings: JpegSettings) -> int | None:
    """Return the quality of libjpeg that has exactly these tables; None: there is none.

    Where several have, as all steps are 1 or 255 there, the one nearest to 75.
    """
    found = []
    for quality in range(1, 101):
        luma, chroma = standard_tables(quality)
        if luma == settings.luma and settings.chroma in (None, chroma):
            found.append(quality)
    return min(found, key=lambda quality: abs(quality - 75), default=None)


def in_zigzag(table: Sequence[int]) -> list[int]:
    """Return the steps of a table in the order of files, from its rows."""
    return [step for _, step in sorted(zip(_PLACE_IN_ZIGZAG, table, strict=True))]


def jpeg_settings(data: bytes) -> JpegSettings | None:
    """Read how a JPEG file was compressed; None when it is none, or its tables are not there.

    The first picture counts, and of several definitions of a table the last one before the first
    scan, as for decoders.

    Parameters
    ----------
    data : bytes
        The file.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    tables: dict[int, tuple[int, ...]] = {}
    frame: list[tuple[int, int, int, int]] = []
    try:
        for marker, start, length in jpeg_segments(data):
            body = data[start : start + length]
            if marker == _QUANTISATION:
                tables |= _read_tables(body)
            elif marker in JPEG_FRAMES and not frame:
                frame = [_component(body, place) for place in range(6, 6 + 3 * body[5], 3)]
            elif marker == 0xDA:
                break
    except (struct.error, IndexError):
        return None
    known = jpeg_frame(data)
    has_colours = known is not None and known.colours == "luma and chroma"
    return _settings(tables, frame, has_colours=has_colours)


def _read_tables(body: bytes) -> dict[int, tuple[int, ...]]:
    """Return the tables of a segment by their numbers, in rows."""
    found, place = {}, 0
    while place < len(body):
        deep, number = body[place] >> 4, body[place] & 15
        values = struct.unpack_from(">64H" if deep else ">64B", body, place + 1)
        found[number] = tuple(values[at] for at in _PLACE_IN_ZIGZAG)
        place += 129 if deep else 65
    return found


def _component(body: bytes, place: int) -> tuple[int, int, int, int]:
    """Return name, horizontal and vertical sampling, and the number of the table."""
    return body[place], body[place + 1] >> 4, body[place + 1] & 15, body[place + 2]


def _settings(
    tables: dict[int, tuple[int, ...]],
    frame: list[tuple[int, int, int, int]],
    *,
    has_colours: bool,
) -> JpegSettings | None:
    if not frame or any(part[3] not in tables for part in frame):
        return None
    of_parts = [tables[part[3]] for part in frame]
    if 0 in (step for table in of_parts for step in table):
        return None
    if not has_colours:
        return JpegSettings(of_parts[0], None, "4:4:4")
    (_, across, down, _), *chroma = frame
    same = {part[1:3] for part in chroma} == {(1, 1)} and of_parts[1] == of_parts[2]
    subsampling = _SUBSAMPLINGS.get((across, down), "other") if same else "other"
    return JpegSettings(of_parts[0], of_parts[1], subsampling)


def _places_in_zigzag() -> list[int]:
    """Return, for each place in rows, where it stands in zigzag order (ITU T.81, figure A.6)."""
    places: npt.NDArray[np.int64] = np.empty(64, np.int64)
    cells = [(row, column) for row in range(8) for column in range(8)]
    # Along each diagonal up or down in turn.
    cells.sort(key=lambda cell: (sum(cell), cell[0] if sum(cell) % 2 else cell[1]))
    for number, (row, column) in enumerate(cells):
        places[8 * row + column] = number
    return list(map(int, places))


_PLACE_IN_ZIGZAG = _places_in_zigzag()
