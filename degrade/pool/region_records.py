"""What a pool remembers of the blur of regions, photo by photo, and all photos by radius."""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated

import msgspec

from degrade.disk.structs import ready
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, scale_from_json
from degrade.kernels import BlurKernel, kernel_sigmas
from degrade.kernels.by_radius import RadiusCurve, radius_curve
from degrade.kernels.regions import MOST_REGIONS, RegionGrid
from degrade.pool.reading import PoolReader
from degrade.pool.records import MeasurementRecord

__all__ = [
    "REGION_VALUES",
    "WIDTH_SURE",
    "PhotoRegions",
    "RegionFound",
    "mean_sigma",
    "radius_curves",
    "region_records",
]

REGION_VALUES = ("row", "column", "radius")
"""What the values of a region's kernel have besides those of an estimate."""

WIDTH_SURE = 0.25
"""A width that is expected to be off by a larger share is not compared with others."""

_Count = Annotated[int, msgspec.Meta(ge=1, le=MOST_REGIONS)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Width = Annotated[float, msgspec.Meta(gt=0)]


def mean_sigma(kernel: BlurKernel) -> float:
    """Return the geometric mean of a kernel's largest and smallest width, HR pixels."""
    widest, narrowest = kernel_sigmas(kernel.weights)
    return float((widest * narrowest) ** 0.5)


class RegionFound(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was found in one region.

    Attributes
    ----------
    row, column : int
        From 1.
    radius : float
        Of its middle, as a share of the half diagonal.
    sigma : float or None
        As :func:`mean_sigma`.
    error : float or None
        The share by which that is expected to be off, from
        :func:`degrade.kernels.estimates.expected_width_error`.
    confidence : float or None
    flags : tuple of str
        What is wrong with the region.
    reason : str
        Why the pool has no kernel of it; empty when it has.
    """

    row: _Count
    column: _Count
    radius: _Share
    sigma: _Width | None = None
    error: _Width | None = None
    confidence: _Share | None = None
    flags: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_sure(self) -> bool:
        """Whether there is a width, and it is known well enough to be compared with others."""
        return self.sigma is not None and self.error is not None and self.error <= WIDTH_SURE


class PhotoRegions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The regions of one photo, row by row, and its camera as far as EXIF tells."""

    rows: _Count
    columns: _Count
    regions: tuple[RegionFound, ...]
    camera: str | None = None

    @classmethod
    def from_record(cls, record: MeasurementRecord) -> PhotoRegions | None:
        """Return what a measurement of regions found; None when it was another one."""
        if record.kind != "kernel" or "regions" not in record.values:
            return None
        try:
            found: PhotoRegions = msgspec.convert(record.values, ready(cls))
            scale_from_json(record.settings.get("scale"))
        except (msgspec.ValidationError, InvalidValueError):
            return None
        places = [(region.row, region.column) for region in found.regions]
        every = [(r + 1, c + 1) for r in range(found.rows) for c in range(found.columns)]
        kept = sum(not region.reason for region in found.regions)
        return found if places == every and kept == len(record.objects or ()) else None

    @property
    def grid(self) -> RegionGrid:
        """Into what the photo was divided."""
        return RegionGrid(self.rows, self.columns)


def region_records(pool: PoolReader) -> list[tuple[MeasurementRecord, PhotoRegions]]:
    """Return what was measured by region; of a photo and a scale what the finest grid found."""
    found: dict[tuple[str, str], tuple[MeasurementRecord, PhotoRegions]] = {}
    for record in pool.measurements:
        regions = PhotoRegions.from_record(record)
        if regions is None:
            continue
        key = record.photo, str(record.settings["scale"])
        if key not in found or len(regions.regions) >= len(found[key][1].regions):
            found[key] = record, regions
    return list(found.values())


def radius_curves(pool: PoolReader) -> dict[tuple[str, Scale], RadiusCurve]:
    """Return width against radius for each camera and scale; the camera is empty if not known.

    Only widths that are sure count.
    """
    groups: dict[tuple[str, Scale], list[list[tuple[float, float]]]] = defaultdict(list)
    for record, found in region_records(pool):
        scale = scale_from_json(record.settings.get("scale"))
        known = [
            (region.radius, region.sigma)
            for region in found.regions
            if region.sigma is not None and region.is_sure
        ]
        groups[found.camera or "", scale].append(known)
    curves = {key: radius_curve(photos) for key, photos in sorted(groups.items())}
    return {key: curve for key, curve in curves.items() if curve is not None}
