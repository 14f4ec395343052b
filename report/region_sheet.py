"""The part of a pool's sheet that shows blur by region: maps of photos, and curves by radius."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from degrade.arrays import AnyArray, U8Array, round_to_u8
from degrade.errors import line_of
from degrade.geometry import Scale
from degrade.kernels.by_radius import LEAST_PHOTOS, RadiusCurve
from degrade.pool import DegradationPool, PhotoRecord
from degrade.pool.region_records import PhotoRegions, RegionFound, radius_curves, region_records
from degrade.wording import counted
from report.sheet import FAINT, GAP, HEADING, INK, LINE, MARGIN, Layout, Sheet, shorten

__all__ = ["RegionSection"]

_MOST_MAPS, _MOST_CURVES = 24, 3
_CURVE_WIDTH, _CURVE_HEIGHT = 2.3, 1.9
_SOFT, _SHARP = (250, 176, 120), (150, 194, 240)
_LINE, _BAR = "#c2410c", "#3b7ac2"
_MOST = math.log(1.6)
"""Where the colours end: so many times as wide as the photo's median, or the reverse."""


@dataclass(frozen=True, slots=True)
class RegionSection:
    """What is drawn of a pool's regions; nothing where it has none.

    Attributes
    ----------
    photos : tuple of (PhotoRecord or None, PhotoRegions)
    curves : mapping of (camera, scale) to RadiusCurve
    """

    photos: tuple[tuple[PhotoRecord | None, PhotoRegions], ...]
    curves: dict[tuple[str, Scale], RadiusCurve]

    @classmethod
    def of(cls, pool: DegradationPool) -> RegionSection:
        """Collect what a pool knows."""
        known = {photo.sha256: photo for photo in pool.photos}
        photos = [(known.get(record.photo), found) for record, found in region_records(pool)]
        photos.sort(key=lambda pair: "" if pair[0] is None else pair[0].name)
        return cls(tuple(photos), radius_curves(pool))

    @property
    def shown(self) -> Sequence[tuple[PhotoRecord | None, PhotoRegions]]:
        """The photos whose maps are drawn: an even choice of many."""
        if len(self.photos) <= _MOST_MAPS:
            return self.photos
        last = len(self.photos) - 1
        return [self.photos[i * last // (_MOST_MAPS - 1)] for i in range(_MOST_MAPS)]

    @property
    def told(self) -> list[tuple[str, Scale]]:
        """The cameras whose curves are drawn: those of most photos."""
        keys = [key for key, curve in self.curves.items() if curve.told]
        return sorted(keys, key=lambda key: (-self.curves[key].photos, key))[:_MOST_CURVES]

    def height(self, layout: Layout) -> float:
        """Return how many inches it takes."""
        if not self.photos:
            return 0.0
        return layout.section(len(self.shown), 1) + HEADING + (_CURVE_HEIGHT if self.told else 0)

    def draw(self, sheet: Sheet, top: float) -> None:
        """Draw it below ``top``."""
        if not self.photos:
            return
        shown, total = len(self.shown), len(self.photos)
        text = f"  ({shown} of {counted(total, 'photo')})" if shown < total else f"  ({total})"
        sheet.write(MARGIN, top + 0.28, f"Blur by region{text}", size=11, weight="bold")
        legend = (
            "σ, HR px; orange: wider than the photo's median, blue: narrower; ? unsure, – not told"
        )
        sheet.write(
            sheet.layout.width - MARGIN, top + 0.28, legend, size=7, color=FAINT, ha="right"
        )
        for number, (photo, found) in enumerate(self.shown):
            _draw_map(sheet, sheet.layout.place(number, top, 1), photo, found)
        self._draw_curves(sheet, top + sheet.layout.section(shown, 1))

    def _draw_curves(self, sheet: Sheet, top: float) -> None:
        sheet.write(MARGIN, top + 0.28, "Width by radius", size=11, weight="bold")
        if not self.told:
            text = (
                f"cannot be told: of each camera fewer than {counted(LEAST_PHOTOS, 'photo')} tell "
                "the width both in the middle and further out"
            )
            sheet.write(MARGIN + 1.4, top + 0.28, text, size=8)
            return
        text = "of the middle's, in the same photo: median and its interval (95 %)"
        sheet.write(sheet.layout.width - MARGIN, top + 0.28, text, size=7, color=FAINT, ha="right")
        for number, key in enumerate(self.told):
            left = MARGIN + number * (_CURVE_WIDTH + GAP)
            _draw_curve(sheet, (left, top + HEADING), key, self.curves[key])


def _draw_map(
    sheet: Sheet, place: tuple[float, float], photo: PhotoRecord | None, found: PhotoRegions
) -> None:
    left, top = place
    height, width = (1, 1) if photo is None else (photo.height, photo.width)
    side = sheet.layout.tile
    high, wide = (side * length / max(height, width) for length in (height, width))
    widths = [region.sigma for region in found.regions if region.sigma and not region.reason]
    middle = float(np.median(widths))
    steps = [math.log(r.sigma / middle) if r.sigma and not r.reason else 0.0 for r in found.regions]
    values = np.clip(np.array(steps) / _MOST, -1, 1).reshape(found.rows, found.columns)
    sheet.image(_shade(values), left, top, wide, high)
    size = min(6.5, 90 * wide / found.columns / 5)
    for region in found.regions:
        x = left + wide * (region.column - 0.5) / found.columns
        y = top + high * (region.row - 0.5) / found.rows + size / 220
        told = _is_told(region)
        text = f"{region.sigma:.2f}{'' if region.is_sure else '?'}" if told else "–"
        colour = INK if region.is_sure else FAINT
        sheet.write(x, y, text, size=size, ha="center", color=colour)
    name = "" if photo is None else line_of(photo.name)
    sheet.write(left, top + high + LINE, shorten(name, int(side * 17)), size=6.5)


def _is_told(region: RegionFound) -> bool:
    return region.sigma is not None and not region.reason


def _shade(steps: AnyArray) -> U8Array:
    """Colour how much wider a region is, -1 … 1: blue, white at 0, orange."""
    ends = np.where(steps[..., None] > 0, np.array(_SOFT), np.array(_SHARP))
    share = np.abs(steps)[..., None]
    return round_to_u8(255 + share * (ends - 255))


def _draw_curve(
    sheet: Sheet, place: tuple[float, float], key: tuple[str, Scale], curve: RadiusCurve
) -> None:
    left, top = place
    width, height = sheet.axes.get_xlim()[1], sheet.axes.get_ylim()[0]
    box = (left + 0.4, height - top - _CURVE_HEIGHT + 0.5, _CURVE_WIDTH - 0.5, _CURVE_HEIGHT - 0.75)
    share = (box[0] / width, box[1] / height, box[2] / width, box[3] / height)
    axes: Any = sheet.axes.figure.add_axes(share, xlim=(0, 1))
    reference = curve.rings[curve.reference]
    radii = [reference.radius or 0.0, *(ring.radius or 0.0 for ring in curve.told)]
    ratios = [1.0, *(ring.ratio or 1.0 for ring in curve.told)]
    axes.axhline(1, color="#cbd2d9", linewidth=0.8)
    axes.plot(radii, ratios, color=_LINE, marker="o", markersize=3, linewidth=1.2)
    for ring in curve.told:
        if ring.interval is not None:
            axes.plot((ring.radius, ring.radius), ring.interval, color=_LINE, linewidth=0.9)
    for ring in curve.rings:
        if ring.radius is not None and ring is not reference and ring.ratio is None:
            axes.axvspan(ring.inner, ring.outer, color="#e4e7eb", linewidth=0)
    axes.tick_params(labelsize=6, colors=FAINT)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    camera = shorten(line_of(key[0]) or "unknown camera", 26)
    title = f"{camera} ×{key[1]}, {counted(curve.photos, 'photo')}"
    axes.set_title(title, fontsize=7.5, color=INK, loc="left", parse_math=False)
    axes.set_xlabel("radius / half diagonal", fontsize=6.5, color=FAINT)
    axes.set_ylabel(f"× {curve.sigma:.2f} HR px", fontsize=6.5, color=FAINT)
