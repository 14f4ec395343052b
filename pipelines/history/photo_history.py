"""Tell what was done to photos before: each by itself, and all together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from degrade.disk.files import make_folder
from degrade.disk.results import Results
from degrade.errors import InputError, InvalidValueError, printable
from degrade.images.image_io import MAX_PIXELS
from degrade.images.sources import find_images, hash_file
from degrade.pool import Findings, MeasurementRecord
from degrade.wording import most_first
from pipelines.executors import Executor
from pipelines.history.duplicates import mark_duplicates
from pipelines.history.rows import PhotoRow
from pipelines.history.table import encode_csv, table_lines
from pipelines.measuring.collector import Collector
from pipelines.measuring.history_words import described, enlarged_text, together
from pipelines.measuring.jpeg_history import JpegHistory
from pipelines.measuring.likeness import Likeness, thumbnail_in
from pipelines.measuring.measure_photos import measure_photos
from pipelines.measuring.measurement import Measurement
from pipelines.measuring.photo_history import (
    CameraHistory,
    LevelHistory,
    ResamplingHistory,
    SharpeningHistory,
)
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto
from pipelines.shared.reports import ProgressCallback, RunReport
from report.history_sheet import HistoryTile, check_history_sheet, draw_history_sheet

__all__ = ["HistoryConfig", "photo_history"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryConfig:
    """The settings of ``degrade history``.

    Attributes
    ----------
    sources : tuple of Path
        Photos: files, folders, manifests.
    pool : Path or None
        Where findings are kept, so that a run that was stopped goes on; None: nowhere.
    csv, picture : Path or None
        Files that are written: the table, and a picture of it (PNG).
    overwrite : bool
        Replace files that no such run has made.
    max_pixels : int
        Larger photos are rejected before they are decoded.
    """

    sources: tuple[Path, ...]
    pool: Path | None = None
    csv: Path | None = None
    picture: Path | None = None
    overwrite: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.picture is not None and self.picture.suffix.lower() != ".png":
            name = printable(self.picture)
            raise InvalidValueError(f"picture must be named NAME.png, got {name}")


_MEASUREMENTS: tuple[Measurement, ...] = (
    JpegHistory(),
    CameraHistory(),
    LevelHistory(),
    ResamplingHistory(),
    SharpeningHistory(),
    Likeness(),
)


class _IntoRows(Collector):
    """Puts what one measurement finds, or the pool knows, into the rows."""

    def __init__(self, measurement: Measurement, rows: dict[str, PhotoRow]) -> None:
        super().__init__(measurement)
        self._rows = rows

    def _put(self, photo: ScannedPhoto, findings: Findings) -> None:
        row = self._rows.setdefault(photo.sha256, PhotoRow(photo))
        row.findings[findings.kind] = findings

    def keep(self, photo: ScannedPhoto, findings: Findings) -> Findings:
        """Take what was found; all of it goes into the pool, if there is one."""
        self._put(photo, findings)
        return findings

    def recall(self, photo: ScannedPhoto, record: MeasurementRecord) -> bool:
        """Take what the pool knows."""
        known = Findings(
            kind=record.kind,
            settings=record.settings,
            values=record.values,
            flags=record.flags,
            confidence=record.confidence,
        )
        self._put(photo, known)
        return super().recall(photo, record)


def photo_history(
    config: HistoryConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Read the history of all photos; each is read and decoded once.

    Parameters
    ----------
    config : HistoryConfig
    executor : Executor or None
        Where the photos are worked on; None: in this process, or on every core when there is so
        much to do that starting workers pays.
    on_progress : callable or None
        Called with (photos done, photos in all).

    Returns
    -------
    RunReport
        Counts photos; its lines are the table, and what concerns all.

    Raises
    ------
    DegradeError
        No photo can be used, the pool is damaged or in use, or a file cannot be written.
    """
    _check_files(config)
    job = Job("history", "photo", on_progress, goes_on=config.pool is not None)
    by_content: dict[str, PhotoRow] = {}
    collectors = [_IntoRows(measurement, by_content) for measurement in _MEASUREMENTS]
    measure_photos(
        job,
        config.sources,
        config.pool,
        collectors,
        max_pixels=config.max_pixels,
        executor=executor,
    )
    job.rejects += [
        reject
        for reject in dict.fromkeys(r for collector in collectors for r in collector.rejects)
        if reject not in job.rejects
    ]
    rows = sorted(by_content.values(), key=lambda row: (row.photo.name, row.photo.sha256))
    mark_duplicates(rows)
    if job.interrupted is not None:
        _tell(rows, job)
        _tell_of_stop(config, job)
        return job.report(len(rows))
    rows = _with_copies(rows, config, job)
    _tell(rows, job)
    _write(rows, config)
    return job.report(len(rows))


def _check_files(config: HistoryConfig) -> None:
    """Refuse to begin where a file stands that no such run has made."""
    if config.csv is not None:
        Results.at(config.csv, "history", overwrite=config.overwrite)
    if config.picture is not None:
        check_history_sheet(config.picture, overwrite=config.overwrite)


def _write(rows: Sequence[PhotoRow], config: HistoryConfig) -> None:
    if config.csv is not None:
        results = Results.at(config.csv, "history", overwrite=config.overwrite)
        make_folder(config.csv.parent)
        results.write(config.csv, encode_csv(rows))
    if config.picture is not None:
        tiles = [_tile(row) for row in rows]
        draw_history_sheet(tiles, config.picture, overwrite=config.overwrite)


def _with_copies(rows: list[PhotoRow], config: HistoryConfig, job: Job) -> list[PhotoRow]:
    """Add a row for each file whose content another one has: such are looked at once."""
    files, _ = find_images(config.sources)
    known = {row.photo.sha256: row for row in rows}
    seen = {row.photo.path for row in rows} | {Path(reject.path) for reject in job.rejects}
    copies = []
    for file in files:
        if file.path in seen:
            continue
        try:
            first = known.get(hash_file(file.path))
        except InputError:
            continue  # it was there a moment ago
        if first is not None:
            photo = replace(first.photo, path=file.path, name=file.name)
            copies.append(PhotoRow(photo, first.findings, first.photo.name, "file"))
    return sorted([*rows, *copies], key=lambda row: (row.photo.name, row.photo.sha256))


def _tell(rows: Sequence[PhotoRow], job: Job) -> None:
    """Report the table, then what concerns all photos."""
    head, *lines = table_lines(rows)
    if lines:
        job.found("columns", head)
    for row, line in zip(rows, lines, strict=True):
        job.found("photo", line, **_values(row))
    for kind in ("camera", "levels", "resampling", "sharpening"):
        found = {row.photo.name: row.findings[kind] for row in rows if kind in row.findings}
        job.facts += together(kind, found)
    same = Counter(row.sameness for row in rows if row.sameness)
    if same:
        parts = [f"{count} the same {what}" for what, count in most_first(same)]
        words = f"there more than once: {', '.join(parts)} as another photo"
        job.found("duplicates", words, **dict(same))


def _tell_of_stop(config: HistoryConfig, job: Job) -> None:
    """Say what is kept of a run that was stopped; its files are not written."""
    kept = "what was found is kept in the pool" if config.pool else "nothing is kept without `pool`"
    left = "table and picture are not written" if config.csv or config.picture else ""
    job.found("stopped", "; ".join(filter(None, (kept, left))))


def _values(row: PhotoRow) -> dict[str, object]:
    measured = {kind: _plain(found) for kind, found in row.findings.items() if kind != "likeness"}
    same = {"same_as": row.same_as, "same_in": row.sameness}
    return {"photo": row.photo.name, "sha256": row.photo.sha256, **same, "measured": measured}


def _plain(found: Findings) -> dict[str, object]:
    return {
        "values": dict(found.values),
        "flags": list(found.flags),
        "confidence": found.confidence,
        "words": described(found.kind, found.values, found.flags, found.confidence),
    }


def _tile(row: PhotoRow) -> HistoryTile:
    marks = [enlarged_text(row.values("resampling"))] if row.is_enlarged else []
    marks += [f"{row.sameness} as {row.same_as}"] if row.same_as else []
    flags = {*row.flags("sharpening"), *row.flags("levels")}
    marks += [flag for flag in ("sharpened", "clipped") if flag in flags]
    marks += ["motion blur"] if row.values("sharpening").get("blur") == "motion" else []
    return HistoryTile(
        name=row.photo.name,
        thumbnail=thumbnail_in(row.values("likeness")),
        shape=(row.photo.height, row.photo.width),
        marks=tuple(marks),
        sigma=row.values("sharpening").get("sigma"),
        amount=row.values("sharpening").get("amount"),
        noise=row.values("levels").get("noise"),
        quality=row.values("jpeg").get("quality"),
        factor=row.values("resampling").get("factor") if row.is_enlarged else None,
    )
