"""A photo as the estimator sees it, and the crops that its windows are taken from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from degrade.arrays import Box, FloatArray, U8Array
from degrade.errors import InvalidValueError
from degrade.kernels.estimates import UnsuitablePhotoError
from degrade.luma import luma_fast
from degrade.spectral.measurement import measure_middle_blocks
from degrade.spectral.verdicts import PhotoCondition, measure_condition, periodicity
from degrade.spectral.windows import CELL, Cells, measure_cells

__all__ = ["SMALLEST_SIDE", "Crop", "Look", "cell_edges", "look_at"]

SMALLEST_SIDE = 96
"""Pixels: the smallest side of a photo that an estimate is tried on."""

_CROP_SIDE = 448
_MOST_CROPS = 3
_WINDOWS_PER_DIRECTION = {1: 48, 2: 32, 3: 24}


@dataclass(frozen=True, eq=False)
class Look:
    """A photo's luma, and what is measured of it once.

    Attributes
    ----------
    luma : (H, W) uint8 array
    cells : Cells
    source : str
        For errors.
    blocks : (6,) float32 array
        From :func:`degrade.spectral.measurement.measure_middle_blocks`.
    periodicity : float
        From :func:`degrade.spectral.verdicts.periodicity`.
    """

    luma: U8Array
    cells: Cells
    source: str

    @cached_property
    def blocks(self) -> FloatArray:
        """JPEG's blocks."""
        return measure_middle_blocks(self.luma)

    @cached_property
    def periodicity(self) -> float:
        """How clearly an interpolation shows."""
        return periodicity(self.luma)

    def condition(self) -> PhotoCondition:
        """Return the condition of the photo."""
        return measure_condition(self.luma, self.cells, self.periodicity)

    def crop(self, rows: slice, columns: slice, crops: int = 1) -> Crop:
        """Return the part whose windows start in these cells, one of so many in a row."""
        cells = self.cells.part(rows, columns)
        # The last windows reach one cell beyond the crop's own.
        top, left = rows.start * CELL, columns.start * CELL
        height, width = (rows.stop + 1) * CELL - top, (columns.stop + 1) * CELL - left
        pixels = self.luma[top : top + height, left : left + width]
        return Crop(pixels, cells, (top, left, *pixels.shape), _WINDOWS_PER_DIRECTION[crops])

    def crops(self) -> Iterator[Crop]:
        """Cut the photo into as even crops as its windows allow; windows never lie in two."""
        sides = self.luma.shape
        counts = [int(np.clip(round(side / _CROP_SIDE), 1, _MOST_CROPS)) for side in sides]
        for rows in cell_edges(self.cells.clipped.shape[0], counts[0]):
            for columns in cell_edges(self.cells.clipped.shape[1], counts[1]):
                crop = self.crop(rows, columns, max(counts))
                if not crop.is_flat:
                    yield crop


@dataclass(frozen=True, slots=True, eq=False)
class Crop:
    """A part of a photo.

    Attributes
    ----------
    luma : (H, W) uint8 array
    cells : Cells
        Of this part.
    box : (top, left, height, width)
        Where it lies.
    per_direction : int
        How many windows of each direction are looked at.
    """

    luma: U8Array
    cells: Cells
    box: Box
    per_direction: int

    @property
    def is_flat(self) -> bool:
        """Whether all pixels are equal."""
        return not self.cells.energy.max() > 0

    def condition(self, photo: Look) -> PhotoCondition:
        """Return the condition of this part; whether it was enlarged the whole photo tells."""
        return measure_condition(self.luma, self.cells, photo.periodicity)


def cell_edges(cells: int, parts: int) -> list[slice]:
    """Return as even parts of so many rows or columns of cells as there can be."""
    edges = np.linspace(0, cells, parts + 1).astype(int).tolist()
    return [slice(*pair) for pair in pairwise(edges)]


def look_at(photo_u8: U8Array, source: str) -> Look:
    """Look at a photo.

    Parameters
    ----------
    photo_u8 : (H, W, 3) uint8 array
    source : str
        For errors.

    Raises
    ------
    UnsuitablePhotoError
        It is smaller than :data:`SMALLEST_SIDE`, or all its pixels are equal.
    InvalidValueError
        It has another shape or dtype.
    """
    if photo_u8.ndim != 3 or photo_u8.shape[2] != 3 or photo_u8.dtype != np.uint8:
        raise InvalidValueError(
            f"the photo must be (H, W, 3) uint8, got {photo_u8.shape} {photo_u8.dtype}"
        )
    height, width = photo_u8.shape[:2]
    if min(height, width) < SMALLEST_SIDE:
        raise UnsuitablePhotoError(
            source or "photo",
            f"{width}×{height} pixels are too few for a kernel",
            f"use photos of at least {SMALLEST_SIDE} pixels on each side",
        )
    luma = luma_fast(photo_u8)
    cells = measure_cells(luma)
    if not cells.energy.max() > 0:
        raise UnsuitablePhotoError(
            source or "photo", "all its pixels are equal", "use a photo with edges"
        )
    return Look(luma, cells, source)
