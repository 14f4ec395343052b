"""The history of a pool's photos: a table, and what concerns all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from degrade.pool import DegradationPool, Findings
from degrade.wording import most_first
from pipelines.history.rows import PhotoRow
from pipelines.history.table import photo_cells
from pipelines.measuring.history_words import together
from pipelines.reporting.common import words_of
from pipelines.shared.photo_scan import ScannedPhoto
from report.page.budget import fitting
from report.page.charts import bars, histogram, points
from report.page.contents import Block, Chart, Column, Row, Section, Table

__all__ = ["HISTORY_KINDS", "history_section"]

HISTORY_KINDS = ("jpeg", "camera", "levels", "resampling", "sharpening")

_ROWS = 1_800_000
_FOREIGN = (KeyError, TypeError, ValueError, AttributeError)
"""What words raise of values that another version has measured."""


def history_section(
    pool: DegradationPool, cameras: Mapping[str, str], share: float
) -> list[Section]:
    """Return what is told of each photo, and of all; nothing where there are none."""
    rows = _rows_of(pool, cameras)
    if not rows:
        return []
    cells = [(row, _cells(row)) for row in rows]
    names = [name for name in next(iter(cells))[1] if name != "same"]
    columns = (
        *(Column(name, "name" if name == "photo" else "text") for name in names),
        Column("marks", "marks"),
    )
    shown = tuple(Row((*(each[name] for name in names), _marks(row))) for row, each in cells)
    table = fitting(Table("All photos", columns, shown), rows=int(share * _ROWS))
    blocks: list[Block] = [*_charts(rows), *_together(rows), table]
    return [Section("Photos: JPEG, enlarging, sharpening", tuple(blocks))]


def _rows_of(pool: DegradationPool, cameras: Mapping[str, str]) -> list[PhotoRow]:
    rows = {}
    for photo in sorted(pool.photos, key=lambda photo: (photo.name, photo.sha256)):
        scanned = replace(ScannedPhoto.from_record(photo), camera=cameras.get(photo.sha256))
        rows[photo.sha256] = PhotoRow(scanned)
    for record in pool.measurements:
        if record.kind in HISTORY_KINDS and record.photo in rows:
            rows[record.photo].findings[record.kind] = Findings(
                kind=record.kind,
                settings=record.settings,
                values=record.values,
                flags=record.flags,
                confidence=record.confidence,
            )
    return list(rows.values())


def _cells(row: PhotoRow) -> dict[str, str]:
    try:
        return photo_cells(row)
    except _FOREIGN:
        return photo_cells(PhotoRow(row.photo))


def _marks(row: PhotoRow) -> str:
    flags = {*row.flags("sharpening"), *row.flags("levels")} & {"sharpened", "clipped"}
    marks = ["enlarged before"] if row.is_enlarged else []
    return "; ".join([*marks, *sorted(flags)])


def _together(rows: Sequence[PhotoRow]) -> list[Block]:
    facts = []
    for kind in HISTORY_KINDS:
        found = {row.photo.name: row.findings[kind] for row in rows if kind in row.findings}
        try:
            facts += together(kind, found)
        except _FOREIGN:
            continue
    return [words_of(fact.words for fact in facts)] if facts else []


def _numbers(rows: Sequence[PhotoRow], kind: str, name: str) -> list[float | None]:
    values = [row.values(kind).get(name) for row in rows]
    return [float(v) if isinstance(v, int | float) else None for v in values]


def _charts(rows: Sequence[PhotoRow]) -> list[Chart]:
    """Draw the history of all, as far as it is known."""
    charts = []
    sigmas, noise = _numbers(rows, "sharpening", "sigma"), _numbers(rows, "levels", "noise")
    both = [(s, n) for s, n in zip(sigmas, noise, strict=True) if s is not None and n is not None]
    if both:
        x, y = [s for s, _ in both], [n for _, n in both]
        axes = {"below": "σ of edges, pixels", "beside": "σ of noise, levels"}
        charts.append(points("Edges against noise", {"photos": (x, y)}, **axes))
    for title, kind, name in (
        ("JPEG quality, by the file", "jpeg", "quality"),
        ("Sharpening at edges", "sharpening", "amount"),
    ):
        known = [value for value in _numbers(rows, kind, name) if value is not None]
        if known:
            of = f"{title} ({len(known)} of {len(rows)} photos)"
            charts.append(histogram(of, known, below=title.split(",")[0].lower()))
    counts = Counter(row.photo.format.upper() for row in rows)
    if len(counts) > 1:
        charts.append(bars("Formats", most_first(counts)))
    factors = [_numbers([row], "resampling", "factor")[0] for row in rows if row.is_enlarged]
    enlarged = Counter(f"×{factor:.2g}" for factor in factors if factor is not None)
    if enlarged:
        charts.append(bars("Enlarged before", most_first(enlarged), below="photos"))
    return charts
