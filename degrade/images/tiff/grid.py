"""Where the strips or tiles of a TIFF page lie, in the picture and in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.errors import InvalidValueError
from degrade.images.tiff.pages import TiffPage

__all__ = ["Grid", "Segment", "read_grid"]

_LARGEST_TILE = 4096
_MOST_SEGMENTS = 2**20


@dataclass(frozen=True, slots=True)
class Segment:
    """A strip or tile: where it lies in the picture, its size as stored, its place in the file.

    ``full_height`` is the height of the others: the last strip may be padded to it. ``told_size``
    is what the file says of ``size``, which is else up to the next segment; 0: nothing.
    """

    name: str
    top: int
    left: int
    height: int
    width: int
    full_height: int
    offset: int
    size: int
    told_size: int


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """The segments of one plane, made as they are asked for: there may be a million.

    Attributes
    ----------
    height : int
        Of the picture.
    down, across : int
        Rows and columns of a segment.
    columns : int
        Segments side by side.
    is_tiled : bool
        Tiles are whole, also where the picture ends; the last strip is not.
    offsets, sizes, told_sizes : (N,) int64 array
        Bytes in the file. Sizes that it does not tell, or that lead beyond its end, are taken to
        be up to the next segment or to the end.
    """

    height: int
    down: int
    across: int
    columns: int
    is_tiled: bool
    offsets: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    told_sizes: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets)

    def __getitem__(self, index: int) -> Segment:
        top = index // self.columns * self.down
        return Segment(
            self.name(index),
            top,
            index % self.columns * self.across,
            self.down if self.is_tiled else min(self.down, self.height - top),
            self.across,
            self.down,
            int(self.offsets[index]),
            int(self.sizes[index]),
            int(self.told_sizes[index]),
        )

    def __iter__(self) -> Iterator[Segment]:
        return (self[index] for index in range(len(self)))

    def name(self, index: int) -> str:
        """Return how messages call a segment."""
        return f"{'tile' if self.is_tiled else 'strip'} {index + 1} of {len(self)}"


def read_grid(page: TiffPage, plane: int = 0) -> Grid:
    """Return the segments of a plane; all samples of a pixel are in plane 0 where not planar.

    Raises
    ------
    InvalidValueError
        Segments are missing, lie beyond the end, or are of no sensible size.
    """
    is_tiled = 322 in page.entries or 324 in page.entries
    down, across = _tile(page) if is_tiled else (_rows_per_strip(page), page.width)
    columns, rows = -(-page.width // across), -(-page.height // down)
    count = columns * rows
    all_planes = count * (page.samples if page.is_planar else 1)
    if all_planes > _MOST_SEGMENTS:
        raise InvalidValueError(f"is cut into {all_planes} segments: save it in larger strips")
    here = slice(plane * count, (plane + 1) * count)
    offsets, sizes, told = _places(page, all_planes, is_tiled=is_tiled)
    places = (offsets[here], sizes[here], told[here])
    grid = Grid(page.height, down, across, columns, is_tiled, *places)
    _check_places(grid, len(page.directory.data))
    return grid


def _tile(page: TiffPage) -> tuple[int, int]:
    """Return rows and columns of a tile."""
    across, down = page.integer(322, 0), page.integer(323, 0)
    limit = max(_LARGEST_TILE, page.width, page.height) + 15
    if not (0 < across <= limit and 0 < down <= limit):
        raise InvalidValueError(f"its tiles are of {across}×{down} pixels")
    return down, across


def _rows_per_strip(page: TiffPage) -> int:
    """Return the rows of a strip; where the file does not say, as many as its strips need."""
    planes = page.samples if page.is_planar else 1
    strips = max(1, len(page.integers(273)) // planes)
    rows = page.integer(278, -(-page.height // strips))
    return min(rows, page.height) if rows > 0 else page.height


def _places(
    page: TiffPage, count: int, *, is_tiled: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return offsets, sizes, and the sizes that the file tells."""
    offsets = page.integers(324 if is_tiled and 324 in page.entries else 273)
    told = page.integers(325 if is_tiled and 325 in page.entries else 279)[:count]
    if len(offsets) < count:
        raise InvalidValueError(f"lists {len(offsets)} of its {count} segments: it is damaged")
    end = len(page.directory.data)
    ends = np.append(np.unique(offsets), end)
    offsets = offsets[:count]
    following = ends[np.searchsorted(ends[:-1], offsets, "right")]
    told = np.append(told, np.zeros(count - len(told), np.int64))
    is_sensible = (told > 0) & (told <= end - offsets)
    return offsets, np.where(is_sensible, told, following - offsets), told


def _check_places(grid: Grid, end: int) -> None:
    absent = np.flatnonzero(grid.offsets <= 0)
    if len(absent):
        name = grid.name(int(absent[0]))
        raise InvalidValueError(f"{name} is missing: nothing is filled in for it")
    beyond = np.flatnonzero((grid.offsets >= end) | (grid.told_sizes < 0))
    if len(beyond):
        name = grid.name(int(beyond[0]))
        raise InvalidValueError(f"{name} lies beyond the end: the file was cut short")
