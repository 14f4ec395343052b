"""``degrade diff``: by what two folders of photos differ, whatever they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from degrade.audit.comparison import Comparison, compare_sets
from degrade.errors import DegradeError, printable
from degrade.images.image_io import MAX_PIXELS
from degrade.rng import rng_for
from degrade.wording import counted
from pipelines.executors import Executor
from pipelines.matching.findings import tell_comparison, tell_spectra
from pipelines.matching.photo_sets import (
    MeasuredSet,
    find_set,
    measure_set,
    why_fewer,
    window_for,
)
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto
from pipelines.shared.reports import ProgressCallback, RunReport

__all__ = ["DiffConfig", "DiffResult", "diff_photos"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffConfig:
    """The settings of ``degrade diff``.

    Attributes
    ----------
    first, second : Path
        Photos: a file list, a folder or a manifest each.
    seed : int
        Of folds, intervals and the null.
    max_pixels : int
        Larger photos are rejected before they are decoded.
    """

    first: Path
    second: Path
    seed: int = 0
    max_pixels: int = MAX_PIXELS


@dataclass(frozen=True, slots=True)
class DiffResult:
    """The report, and what a picture is drawn of."""

    report: RunReport
    comparison: Comparison
    sets: tuple[MeasuredSet, MeasuredSet]


def diff_photos(
    config: DiffConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> DiffResult:
    """Compare two sets of photos.

    Parameters
    ----------
    config : DiffConfig
    executor : Executor or None
        Where photos are measured; None: every core when there are many.
    on_progress : callable or None
        Called with (photos done, photos in all).

    Raises
    ------
    DegradeError
        A set has no photo that can be used, or fewer than two, or both hold the same photos.
    """
    job = Job("diff", "photo", on_progress)
    scanned = [
        find_set(job, [path], max_pixels=config.max_pixels)
        for path in (config.first, config.second)
    ]
    first, second = without_common(job, scanned[0], scanned[1], (config.first, config.second))
    total = len(first) + len(second)
    side = window_for([min(photo.height, photo.width) for photo in (*first, *second)])
    sets, done = [], 0
    for photos in (first, second):
        sets.append(
            measure_set(
                job,
                photos,
                side,
                max_pixels=config.max_pixels,
                executor=executor,
                done=done,
                total=total,
            )
        )
        done += len(photos)
    names = printable(config.first), printable(config.second)
    for name, found in zip(names, sets, strict=True):
        refuse_single(job, name, len(found.keys))
        tell_cameras(job, name, found)
    comparison = compare_sets(sets[0].features, sets[1].features, rng_for(config.seed, "diff"))
    tell_comparison(job, comparison, subject=names[1])
    tell_spectra(job, dict(zip(names, (each.features for each in sets), strict=True)))
    report = job.report(sum(len(each.keys) for each in sets))
    return DiffResult(report, comparison, (sets[0], sets[1]))


def without_common(
    job: Job,
    first: Sequence[ScannedPhoto],
    second: Sequence[ScannedPhoto],
    where: tuple[Path, Path],
) -> tuple[list[ScannedPhoto], list[ScannedPhoto]]:
    """Leave out the photos that both sets have, byte for byte.

    Raises
    ------
    DegradeError
        Nothing is left of a set.
    """
    both = {photo.sha256 for photo in first} & {photo.sha256 for photo in second}
    rest = [[photo for photo in part if photo.sha256 not in both] for part in (first, second)]
    for path, part in zip(where, rest, strict=True):
        if not part:
            raise DegradeError(
                f"every photo of {printable(path)} is in the other set too, byte for byte: "
                "there is nothing to compare"
            )
    if both:
        words = f"{counted(len(both), 'photo')} in both sets, byte for byte: left out"
        job.found("common", words, photos=len(both))
    return rest[0], rest[1]


def refuse_single(job: Job, name: str, count: int) -> None:
    """Raise a DegradeError for a set of fewer than two photos."""
    if count < 2:
        raise DegradeError(
            f"{name}: one photo that can be used is no set; give at least two, or ten for a verdict"
            f"{why_fewer(job)}"
        )


def tell_cameras(job: Job, name: str, found: MeasuredSet) -> None:
    """Report that a set is of several cameras, whose differences are then in it too."""
    known = {camera: n for camera, n in found.cameras.items() if camera != "unknown"}
    if len(known) > 1:
        shown = ", ".join(f"{printable(camera)} ({n})" for camera, n in sorted(known.items())[:4])
        more = f" and {len(known) - 4} more" if len(known) > 4 else ""
        silent = found.cameras.get("unknown", 0)
        rest = f", and {counted(silent, 'photo')} of unknown cameras" if silent else ""
        words = f"{name}: of {len(known)} cameras, {shown}{more}{rest}; what differs may be theirs"
        job.found("cameras", words, cameras=known, unnamed=silent)
