"""Regions of a photo, for kernels that are not the same everywhere in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import hypot
from typing import Self

from degrade.errors import InvalidValueError

__all__ = ["MOST_REGIONS", "Region", "RegionGrid"]

MOST_REGIONS = 16
"""Rows, and columns, at the most: smaller regions hold too little detail."""

_DIGITS = 4
_FORM = re.compile(r"([0-9]{1,4})[x×]([0-9]{1,4})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Region:
    """One of the equal regions of a photo.

    Attributes
    ----------
    row, column : int
        Counted from 1, from the upper left of the upright photo.
    radius : float
        How far its middle lies from the photo's, as a share of the half diagonal: 0 in the middle,
        1 in the corners.
    """

    row: int
    column: int
    radius: float


@dataclass(frozen=True, slots=True)
class RegionGrid:
    """Into how many rows and columns of regions photos are divided, each 1 to 16.

    Raises
    ------
    InvalidValueError
        They are others.
    """

    rows: int
    columns: int

    def __post_init__(self) -> None:
        if not all(1 <= count <= MOST_REGIONS for count in (self.rows, self.columns)):
            raise _refusal(f"{self.rows}x{self.columns}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the grid that a text such as ``3x3`` means.

        Raises
        ------
        InvalidValueError
            It means none.
        """
        found = _FORM.fullmatch(text.strip())
        if found is None:
            raise _refusal(text)
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def largest_in(cls, height: int, width: int, side: int) -> Self | None:
        """Return the finest grid whose regions are ``side`` pixels or more a side; None if none."""
        rows, columns = (min(length // side, MOST_REGIONS) for length in (height, width))
        return cls(rows, columns) if rows and columns else None

    def regions(self, height: int, width: int) -> Iterator[Region]:
        """Return the regions of a photo of that size, row by row."""
        for row in range(self.rows):
            for column in range(self.columns):
                down = ((2 * row + 1) / self.rows - 1) * height
                right = ((2 * column + 1) / self.columns - 1) * width
                radius = round(hypot(down, right) / hypot(height, width), _DIGITS)
                yield Region(row + 1, column + 1, radius)

    def __str__(self) -> str:
        return f"{self.rows}×{self.columns}"


def _refusal(got: str) -> InvalidValueError:
    return InvalidValueError(
        f"regions must be ROWSxCOLUMNS, each from 1 to {MOST_REGIONS}, such as 3x3, got {got!r}"
    )
