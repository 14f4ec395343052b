"""The flagged areas as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from degrade.artifacts import Region
from degrade.disk.files import read_file
from degrade.errors import CorruptDataError, line_of, printable

__all__ = ["TABLE", "FoundArea", "encode_regions", "name_in_table", "read_regions"]

TABLE = "artifacts.csv"
"""What it is called in the folder of the results."""

_COLUMNS = (
    "rank",
    "image",
    "left",
    "top",
    "width",
    "height",
    "area",
    "visibility",
    "similarity",
)


def name_in_table(name: str) -> str:
    """Return what the table calls an image: a line that terminals show, another for each name.

    Backslashes are doubled: a name with a control character is not that of its escape.
    """
    return line_of(name.replace("\\", "\\\\"))


def encode_regions(regions: Sequence[tuple[str, Region]]) -> bytes:
    """Return a line for each area, in the given order."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for rank, (name, each) in enumerate(regions, 1):
        box = (each.left, each.top, each.width, each.height, each.area)
        shares = (f"{each.visibility:.4f}", f"{each.similarity:.4f}")
        writer.writerow((rank, name_in_table(name), *box, *shares))
    return text.getvalue().encode()


@dataclass(frozen=True, slots=True)
class FoundArea:
    """A line of the table.

    Attributes
    ----------
    rank : int
    image : str
        As the table names it.
    left, top, width, height, area : int
    visibility, similarity : float
    """

    rank: int
    image: str
    left: int
    top: int
    width: int
    height: int
    area: int
    visibility: float
    similarity: float


def read_regions(path: Path) -> list[FoundArea]:
    """Return the lines of a table that was written before.

    Raises
    ------
    InputError
        It cannot be read.
    CorruptDataError
        It is no such table.
    """
    damaged = CorruptDataError(
        f"{printable(path)} is no table of `degrade detect-artifacts`; run that again"
    )
    try:
        lines = list(csv.reader(io.StringIO(read_file(path).decode())))
        if not lines or tuple(lines[0]) != _COLUMNS:
            raise damaged
        found = [
            FoundArea(int(rank), image, *map(int, box), *map(float, shares))
            for rank, image, *box, visibility, similarity in lines[1:]
            for shares in [(visibility, similarity)]
        ]
    except (csv.Error, ValueError, TypeError):
        raise damaged from None
    if not all(_is_possible(area) for area in found):
        raise damaged
    return found


def _is_possible(area: FoundArea) -> bool:
    """Tell whether a box has pixels, and its measures are in their ranges, which no NaN is."""
    return (
        min(area.left, area.top, area.width - 1, area.height - 1) >= 0
        and 0 <= area.visibility <= 1
        and -1 <= area.similarity <= 1
    )
