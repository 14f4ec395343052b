"""``degrade selftest``: how far to trust the measurements on one's own photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from degrade.arrays import U8Array
from degrade.audit.expectations import Expectation, expect, judge
from degrade.audit.planting import KINDS, Trial, run_trials
from degrade.disk.files import make_folder
from degrade.disk.results import Results
from degrade.errors import DegradeError, InputError, InvalidValueError
from degrade.images.image_io import MAX_PIXELS
from degrade.images.sources import Reject
from degrade.rng import rng_for
from degrade.wording import counted
from pipelines.evaluation.selftest_table import encode_csv, table_lines
from pipelines.executors import Executor, make_executor
from pipelines.shared.finding_photos import find_photos
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto, read_scanned
from pipelines.shared.reports import ProgressCallback, RunReport
from report.selftest_sheet import check_selftest_sheet, draw_selftest_sheet

__all__ = ["SCALES", "SelftestConfig", "selftest"]

SCALES = (2, 3, 4)
_CROP = 768
_WORTH_WORKERS = 4
_FEW = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SelftestConfig:
    """The settings of ``degrade selftest``.

    Attributes
    ----------
    sources : tuple of Path
        Clean photos.
    scale : {2, 3, 4}
        Of the kernels.
    most : int
        Of more photos an even choice is taken.
    seed : int
        Of the noise that is planted.
    csv, sheet : Path or None
        Where a table of all that was planted, photo by photo, and the picture are written.
    overwrite : bool
    max_pixels : int
        Larger photos are rejected before they are decoded.
    """

    sources: tuple[Path, ...]
    scale: int = 4
    most: int = 20
    seed: int = 0
    csv: Path | None = None
    sheet: Path | None = None
    overwrite: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.scale not in SCALES:
            raise InvalidValueError(f"scale must be 2, 3 or 4, got {self.scale}")
        if self.most < 1:
            raise InvalidValueError(f"most must be at least 1, got {self.most}")


@dataclass(frozen=True, slots=True)
class _Task:
    photo: ScannedPhoto
    scale: int
    seed: int
    max_pixels: int


def selftest(
    config: SelftestConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Plant kernels, noise, JPEG and enlargements on clean photos, and measure them as photos are.

    Parameters
    ----------
    config : SelftestConfig
    executor : Executor or None
        Where photos are worked on; None: every core when there are some.
    on_progress : callable or None
        Called with (photos done, photos in all).

    Raises
    ------
    DegradeError
        No photo can be used, or a file cannot be written.
    """
    _check_files(config)
    job = Job("selftest", "photo", on_progress, goes_on=False)
    photos, rejects = find_photos(config.sources, max_pixels=config.max_pixels)
    job.rejects += rejects
    chosen = _choice(photos, config.most)
    executor = executor or make_executor(1 if len(chosen) < _WORTH_WORKERS else None)
    tasks = [_Task(photo, config.scale, config.seed, config.max_pixels) for photo in chosen]
    found: dict[int, list[Trial]] = {}
    with job.stoppable():
        for done, result in enumerate(executor.run(_trials, tasks), 1):
            try:
                found[result.index] = result.get()
            except InputError as error:
                job.rejects.append(Reject.from_error(error))
            except DegradeError as error:
                job.rejects.append(Reject(str(chosen[result.index].path), str(error)))
            job.progress(done, len(tasks))
    job.rejects.sort(key=lambda reject: (reject.path, reject.reason))
    if not found and job.interrupted is None:
        raise DegradeError(f"no photo can be used: {job.rejects[0]}")
    by_photo = [(chosen[index], found[index]) for index in sorted(found)]
    trials = [trial for _, of_photo in by_photo for trial in of_photo]
    rows = expect(trials)
    _tell(job, rows, len(found), config)
    if job.interrupted is None:
        _write(config, by_photo, rows)
    elif config.csv or config.sheet:
        job.found("stopped", "stopped early: table and picture are not written")
    return job.report(len(found))


def _check_files(config: SelftestConfig) -> None:
    """Refuse to begin where a file stands that no such run has made."""
    if config.csv is not None:
        Results.at(config.csv, "selftest", overwrite=config.overwrite)
    if config.sheet is not None:
        check_selftest_sheet(config.sheet, overwrite=config.overwrite)


def _write(
    config: SelftestConfig,
    by_photo: Sequence[tuple[ScannedPhoto, Sequence[Trial]]],
    rows: Sequence[Expectation],
) -> None:
    if config.csv is not None:
        results = Results.at(config.csv, "selftest", overwrite=config.overwrite)
        make_folder(config.csv.parent)
        results.write(config.csv, encode_csv([(photo.name, each) for photo, each in by_photo]))
    if config.sheet is not None:
        trials = [trial for _, of_photo in by_photo for trial in of_photo]
        draw_selftest_sheet(trials, rows, config.sheet, overwrite=config.overwrite)


def _choice(photos: Sequence[ScannedPhoto], most: int) -> list[ScannedPhoto]:
    numbers = np.unique(np.linspace(0, len(photos) - 1, min(len(photos), most)).astype(int))
    return [photos[number] for number in numbers]


def _trials(task: _Task) -> list[Trial]:
    photo = task.photo
    pixels = read_scanned(photo.path, photo.sha256, max_pixels=task.max_pixels).as_u8()
    rng = rng_for(task.seed, "selftest", photo.sha256)
    try:
        return list(run_trials(_middle(pixels), task.scale, rng))
    except InvalidValueError as error:
        raise InputError(
            photo.path, str(error), "give larger photos, or a smaller `scale`"
        ) from None


def _middle(pixels: U8Array) -> U8Array:
    top, left = (max(side - _CROP, 0) // 2 for side in pixels.shape[:2])
    return np.ascontiguousarray(pixels[top : top + _CROP, left : left + _CROP])


def _tell(job: Job, rows: Sequence[Expectation], photos: int, config: SelftestConfig) -> None:
    """Report the table, a line for each plant, and a sentence for each kind."""
    if not rows:
        return
    for kind, sentence in judge(rows).items():
        job.found("verdict", f"{kind}: {sentence}", of=kind, verdict=sentence)
    head, *lines = table_lines(rows)
    job.found("columns", head)
    for row, line in zip(rows, lines, strict=True):
        job.found("expectation", line, **_values(row))
    if photos < _FEW:
        tell = "tells" if photos == 1 else "tell"
        words = f"{counted(photos, 'photo')} {tell} little: give {_FEW} or more"
        job.found("few", words, photos=photos)
    words = (
        f"the middle {_CROP} pixels of each photo, kernels of ×{config.scale}; right: kernels from "
        "a width wrong by a fifth on, noise within 20 %, factors within 5 %"
    )
    job.found("how", words, scale=config.scale, kinds=list(KINDS))


def _values(row: Expectation) -> dict[str, object]:
    values = asdict(row)
    return {"of": values.pop("kind"), **values, "advice": row.advice()}
