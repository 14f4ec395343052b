"""What tuning came to: in words, as a table, and as pictures of the most visible areas."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from degrade.artifacts import RepairScores
from degrade.errors import line_of
from pipelines.artifacts.judged_photos import JudgedPhoto
from pipelines.shared.job import Job
from report.repair_sheet import RepairView

__all__ = ["best_views", "encode_table", "tell_photo"]

_VIEWS, _MARGIN, _LONGEST = 6, 24, 320
_COLUMNS = (
    "image",
    "flagged_before",
    "flagged_after",
    "gone",
    "psnr_elsewhere",
    "ssim_elsewhere",
    "texture_elsewhere",
)


def tell_photo(job: Job, name: str, scores: RepairScores) -> None:
    """Report what tuning came to on a photo, or on all of them."""
    before, after = (
        flagged / scores.pixels for flagged in (scores.flagged_before, scores.flagged_after)
    )
    job.found(
        "photo",
        f"{line_of(name)}: flagged {before:.2%} -> {after:.2%} ({-scores.gone:+.0%}); elsewhere "
        f"texture {scores.texture:.1%}, PSNR {scores.psnr:.1f} dB, SSIM {scores.ssim:.3f} to "
        "the result before",
        image=name,
        flagged_before=before,
        flagged_after=after,
        gone=scores.gone,
        texture=scores.texture,
        psnr=scores.psnr,
        ssim=scores.ssim,
    )


def encode_table(rows: Sequence[tuple[str, RepairScores]]) -> bytes:
    """Return CSV, a row for each name with its scores."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for name, each in rows:
        shares = (each.flagged_before / each.pixels, each.flagged_after / each.pixels, each.gone)
        figures = (*shares, each.psnr, each.ssim, each.texture)
        writer.writerow((line_of(name), *(f"{figure:.5f}" for figure in figures)))
    return text.getvalue().encode()


def best_views(
    photos: Sequence[JudgedPhoto], afters: Sequence[Any], scale: int
) -> list[RepairView]:
    """Return the most visible areas, one of each photo first.

    Parameters
    ----------
    photos : sequence of JudgedPhoto
    afters : sequence of (H, W, 3) uint8 array
        What the tuned network makes of each.
    scale : int
    """
    ranked = sorted(
        (
            (place, -region.visibility, number, region)
            for number, each in enumerate(photos)
            for place, region in enumerate(each.regions)
        ),
        key=lambda each: each[:3],
    )
    views = []
    for _, _, number, region in ranked[:_VIEWS]:
        photo, after = photos[number].photo, afters[number]
        sides = []
        for start, length, whole in (
            (region.top, region.height, after.shape[0]),
            (region.left, region.width, after.shape[1]),
        ):
            length = min(length, _LONGEST)
            first = max(start - _MARGIN, 0) // scale
            last = -(-min(start + length + _MARGIN, whole) // scale)
            sides.append((first, last))
        (top, bottom), (left, right) = sides
        small = photo.lr[top:bottom, left:right]
        box = (slice(scale * top, scale * bottom), slice(scale * left, scale * right))
        parts = [image[box] for image in (photo.mse, photo.gan, after)]
        place = (scale * top, scale * left, *parts[0].shape[:2])
        views.append(RepairView(photo.name, place, small, *parts))
    return views
