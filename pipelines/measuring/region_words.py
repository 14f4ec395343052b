"""What is said of the blur of regions: of one photo, and of a camera by radius."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from degrade.errors import printable
from degrade.geometry import Scale, scale_number
from degrade.kernels.by_radius import LEAST_PHOTOS, RadiusCurve
from degrade.kernels.estimates import KernelEstimate
from degrade.pool.kernel_estimates import confidence_text
from degrade.pool.region_records import PhotoRegions, RegionFound
from degrade.wording import counted, most_first
from pipelines.shared.reports import Fact

__all__ = [
    "curve_facts",
    "curve_text",
    "curve_values",
    "reasons_text",
    "region_fact",
    "regions_text",
]

_LARGEST_MAP = 25
"""Regions; of more only the range is written."""

_MOST_CURVES = 8


def region_fact(
    name: str, scale: Scale, found: PhotoRegions, estimates: Sequence[KernelEstimate]
) -> Fact:
    """Return the fact of one photo: its line and its values."""
    seconds = sum(estimate.seconds for estimate in estimates)
    values = {
        "name": name,
        "scale": scale_number(scale),
        **msgspec.to_builtins(found),
        "seconds": seconds,
    }
    words = f"{printable(name)}: ×{scale}, {regions_text(found)}, {1000 * seconds:.0f} ms"
    return Fact("kernel_regions", words, values)


def regions_text(found: PhotoRegions) -> str:
    """Return the widths of a photo's regions on one line, row by row."""
    known = [region for region in found.regions if not region.reason]
    parts = [f"{found.grid} regions, {len(known)} tell"]
    if known:
        sigmas = [region.sigma or 0.0 for region in known]
        text = f"{min(sigmas):.2f}…{max(sigmas):.2f}"
        if len(found.regions) <= _LARGEST_MAP:
            text = _map(found)
        sure = [region.confidence or 0.0 for region in known]
        parts.append(
            f"sigma {text} HR px, confidence {confidence_text(min(sure))}…"
            f"{confidence_text(max(sure))}"
        )
        if unsure := sum(not region.is_sure for region in known):
            parts.append(f"{unsure} of unsure width (?)")
        flags = Counter(flag for region in known for flag in region.flags)
        parts += [f"flagged: {_counts(flags)}"] if flags else []
    if len(known) < len(found.regions):
        parts.append(f"cannot tell: {reasons_text(found.regions)}")
    return "; ".join(parts)


def _map(found: PhotoRegions) -> str:
    cells = [
        "–" if region.reason else f"{region.sigma:.2f}{'' if region.is_sure else '?'}"
        for region in found.regions
    ]
    width = found.columns
    rows = (" ".join(cells[start : start + width]) for start in range(0, len(cells), width))
    return " / ".join(rows)


def reasons_text(regions: Sequence[RegionFound]) -> str:
    """Return why regions cannot tell, with their numbers."""
    return _counts(Counter(region.reason for region in regions if region.reason))


def _counts(found: Counter[str]) -> str:
    return ", ".join(f"{printable(what)} {count}" for what, count in most_first(found))


def curve_facts(
    curves: Mapping[tuple[str, Scale], RadiusCurve], *, most: int | None = _MOST_CURVES
) -> list[Fact]:
    """Return a fact for each camera whose width by radius can be told, and one for all others.

    Parameters
    ----------
    curves : mapping of (camera, scale) to RadiusCurve
    most : int or None
        So many cameras are told of one by one; None: all.
    """
    told = {key: curve for key, curve in curves.items() if curve.told}
    shown = sorted(told, key=lambda key: (-told[key].photos, key))[:most]
    facts = [
        Fact(
            "width_by_radius",
            f"width by radius, {_camera(*key)}: {curve_text(told[key])}",
            curve_values(*key, told[key]),
        )
        for key in shown
    ]
    if left := len(told) - len(shown):
        facts.append(
            Fact("more_curves", f"and by radius of {left} more: `degrade inspect` tells", {})
        )
    if dumb := [key for key in curves if key not in told]:
        words = f"width by radius cannot be told of {', '.join(_camera(*k) for k in dumb[:3])}"
        words += f" and {len(dumb) - 3} more" if len(dumb) > 3 else ""
        words += f": {_why_not([curves[key] for key in dumb])}"
        values = {"cameras": [curve_values(*key, curves[key]) for key in dumb]}
        facts.append(Fact("no_width_by_radius", words, values))
    return facts


def _camera(camera: str, scale: Scale) -> str:
    return f"{printable(camera) or 'unknown camera'} ×{scale}"


def _why_not(curves: Sequence[RadiusCurve]) -> str:
    most = max(max((r.photos for r in c.rings[c.reference + 1 :]), default=0) for c in curves)
    if all(sum(ring.radius is not None for ring in curve.rings) < 2 for curve in curves):
        return (
            "their regions lie equally far from the middle; use more: "
            "`degrade estimate-kernels regions=3x3`"
        )
    return (
        f"{counted(LEAST_PHOTOS, 'photo')} must tell the width both in the middle and further out, "
        f"{most} at the most {'does' if most == 1 else 'do'}"
    )


def curve_text(curve: RadiusCurve) -> str:
    """Return a curve in words."""
    middle = curve.rings[curve.reference].radius or 0.0
    rings = [
        f"×{ring.ratio:.2f} ({ring.interval[0]:.2f}…{ring.interval[1]:.2f}) at {ring.radius:.2f}"
        for ring in curve.told
        if ring.interval is not None
    ]
    where = f"{curve.sigma:.2f} HR px at {middle:.2f} of the half diagonal"
    unknown = [r for r in curve.rings if r.radius is not None and r.ratio is None]
    more = [f"{r.inner:g}…{r.outer:g} cannot be told" for r in unknown]
    return f"{where}, {', '.join([*rings, *more])} ({counted(curve.photos, 'photo')})"


def curve_values(camera: str, scale: Scale, curve: RadiusCurve) -> dict[str, object]:
    """Return a curve for programs."""
    return {
        "camera": camera or None,
        "scale": scale_number(scale),
        "photos": curve.photos,
        "sigma": curve.sigma,
        "reference": curve.reference,
        "rings": [
            {
                "inner": ring.inner,
                "outer": ring.outer,
                "radius": ring.radius,
                "photos": ring.photos,
                "ratio": ring.ratio,
                "interval": ring.interval,
            }
            for ring in curve.rings
        ],
    }
