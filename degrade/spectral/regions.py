"""A kernel for each region of a photo: lenses are softer in the corners."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from degrade.arrays import Box, U8Array
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, as_scale
from degrade.kernels.estimates import KernelEstimate, UnsuitablePhotoError
from degrade.kernels.regions import Region, RegionGrid
from degrade.spectral.crops import SMALLEST_SIDE, Crop, Look, cell_edges, look_at
from degrade.spectral.estimator import estimate_crops
from degrade.spectral.weights import network_for

__all__ = ["RegionEstimate", "estimate_region_kernels"]


@dataclass(frozen=True, slots=True, eq=False)
class RegionEstimate:
    """What is known of the kernel of one region.

    Attributes
    ----------
    region : Region
    box : (top, left, height, width)
        The pixels that were looked at.
    estimate : KernelEstimate or None
        None where the region cannot tell.
    reason : str
        Why it cannot; empty where it can.
    """

    region: Region
    box: Box
    estimate: KernelEstimate | None
    reason: str = ""


def estimate_region_kernels(
    photo_u8: U8Array, grid: RegionGrid, scale: Scale, *, source: str = ""
) -> tuple[RegionEstimate, ...]:
    """Estimate a kernel for each region of a photo.

    A region is one crop, measured as :func:`degrade.spectral.estimate_kernel` measures its crops.
    What marks a whole photo, JPEG's blocks and the period of an enlargement, is looked for once. A
    region that is flat or too smooth has no kernel, nor has one whose estimate is none.

    Parameters
    ----------
    photo_u8 : (H, W, 3) uint8 array
        RGB; each region at least 96 pixels a side.
    grid : RegionGrid
    scale : Scale
    source : str
        For :attr:`BlurKernel.source` and for errors.

    Returns
    -------
    tuple of RegionEstimate
        Row by row.

    Raises
    ------
    UnsuitablePhotoError
        The photo is too small for the grid, or all its pixels are equal.
    InvalidValueError, CorruptDataError
        As :func:`degrade.spectral.estimate_kernel`.
    """
    height, width = photo_u8.shape[:2]
    look = look_at(photo_u8, source)
    if min(height // grid.rows, width // grid.columns) < SMALLEST_SIDE:
        raise _too_small(grid, height, width, source)
    rows, columns = (
        cell_edges(cells, count)
        for cells, count in zip(look.cells.clipped.shape, (grid.rows, grid.columns), strict=True)
    )
    return tuple(
        _estimate(look, region, look.crop(rows[region.row - 1], columns[region.column - 1]), scale)
        for region in grid.regions(height, width)
    )


def _estimate(look: Look, region: Region, crop: Crop, scale: Scale) -> RegionEstimate:
    start = time.perf_counter()
    if crop.is_flat:
        return RegionEstimate(region, crop.box, None, "flat")
    condition = crop.condition(look)
    scale = as_scale(scale)
    try:
        found = estimate_crops(look, (crop,), condition, scale, network_for(scale))
    except InvalidValueError as error:  # what comes of a test pattern may be no kernel at all
        return RegionEstimate(region, crop.box, None, f"its estimate is no kernel ({error})")
    if "too smooth" in found.verdicts:
        return RegionEstimate(region, crop.box, None, "too smooth")
    found = replace(found, seconds=time.perf_counter() - start)
    return RegionEstimate(region, crop.box, found)


def _too_small(grid: RegionGrid, height: int, width: int, source: str) -> UnsuitablePhotoError:
    largest = RegionGrid.largest_in(height, width, SMALLEST_SIDE)
    if largest is None or largest == RegionGrid(1, 1):
        remedy = "leave `regions` out, or use larger photos"
    else:
        most = f"{largest.rows}x{largest.columns}"
        remedy = f"use `regions={most}` at the most, or larger photos"
    return UnsuitablePhotoError(
        source or "photo",
        f"{width}×{height} pixels are too few for {grid} regions of at least {SMALLEST_SIDE} "
        "pixels on each side",
        remedy,
    )
