"""The one loop over photos: each is read, hashed, parsed and decoded once for all measurements.

What the pool has is not measured again. To know that, a file's content must be known; but a file
that is as long as no photo of the pool and no other file of the run is new for certain, and goes
straight to the workers. The others are looked at (hash and header) first.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from degrade.errors import InputError
from degrade.images.sources import Reject, SourceFile, find_images
from degrade.kernels.estimates import UnsuitablePhotoError
from degrade.pool import DegradationPool, Findings, remove_if_unused
from pipelines.executors import DaskExecutor, Executor, WorkerDiedError, make_executor
from pipelines.measuring.collector import Collector
from pipelines.measuring.measurement import Measurement
from pipelines.shared.interrupts import uninterrupted
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import (
    OpenPhoto,
    ScannedPhoto,
    changed_meanwhile,
    no_photo_error,
    once_each,
    scan_photos,
)
from pipelines.shared.reports import REJECTS_NAME, RunReport

__all__ = ["measure_photos", "report_on", "shortfall_of"]

_WORTH_WORKERS = 3.0
"""Seconds of work; a worker needs one or two for its imports."""

_PIXELS_A_BYTE = 3
"""Of a camera's JPEG file. Of other files these are too many, which starts workers a little early;
what they cost exactly only their headers tell, and those are read once, by the worker."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """A file to measure, and by what: numbers of collectors.

    ``scanned`` is what the file was when it was looked at; None when it is new.
    """

    file: SourceFile
    scanned: ScannedPhoto | None
    asked: tuple[int, ...]
    measurements: tuple[Measurement, ...]
    max_pixels: int

    def seconds(self) -> float:
        """Return about how long it takes."""
        known = self.scanned
        pixels = (
            _PIXELS_A_BYTE * _length(self.file) if known is None else known.height * known.width
        )
        return sum(measurement.seconds_for(pixels) for measurement in self.measurements)


@dataclass(frozen=True, slots=True, eq=False)
class _Visited:
    """A photo, and what each measurement found in it, or why it found nothing."""

    photo: ScannedPhoto
    outcomes: tuple[Findings | Reject, ...]


def _visit(visit: _Visit) -> _Visited:
    file = visit.file
    photo = OpenPhoto(file, max_pixels=visit.max_pixels)
    if visit.scanned is not None and visit.scanned.sha256 != photo.scanned.sha256:
        raise changed_meanwhile(file.path)
    outcomes = tuple(_measure(measurement, photo) for measurement in visit.measurements)
    return _Visited(photo.scanned, outcomes)


def _measure(measurement: Measurement, photo: OpenPhoto) -> Findings | Reject:
    try:
        return measurement.measure(photo)
    except InputError as error:
        return Reject.from_error(error)
    except UnsuitablePhotoError as error:
        return Reject(str(photo.scanned.path), error.reason, error.remedy)


def measure_photos(
    job: Job,
    sources: Sequence[Path],
    pool_path: Path | None,
    collectors: Sequence[Collector],
    *,
    max_pixels: int,
    executor: Executor | None = None,
) -> None:
    """Ask of every photo each measurement that the pool has not of it.

    What is found is kept photo by photo, so an interrupted run loses only the photos that it was
    working on.

    Parameters
    ----------
    job : Job
        Told of progress (photos done, photos in all), of files that are no photos, and of a signal
        that ends the run early.
    sources : sequence of Path
        Photos: files, folders, manifests.
    pool_path : Path or None
        Where findings go; made when missing.
    collectors : sequence of Collector
        One for each measurement; they hold what was found afterwards.
    max_pixels : int
        Larger photos are rejected before they are decoded.
    executor : Executor or None
        Where the photos are worked on; None: in this process, or on every core when there is so
        much to do that starting workers pays.

    Raises
    ------
    DegradeError
        No photo can be used, the pool is damaged or in use, or a result cannot be written.
    """
    files, job.rejects = find_images(sources)
    if not files:
        raise no_photo_error(sources, job.rejects)
    if not isinstance(executor, DaskExecutor):  # whose workers have devices of their own
        for collector in collectors:
            collector.measurement.check_device()
    is_new = pool_path is not None and not pool_path.exists()
    pool = None if pool_path is None else DegradationPool.create(pool_path)
    usable = True
    with job.stoppable(), contextlib.nullcontext() if pool is None else pool.writing():
        visits, known = _plan(files, pool, collectors, job, max_pixels)
        usable = _make_visits(visits, known, pool, collectors, job, executor)
    if not usable:
        if pool_path is not None and is_new:
            remove_if_unused(pool_path)
        raise no_photo_error(sources, job.rejects)
    if job.interrupted is not None:
        for collector in collectors:
            collector.interrupt()


def report_on(collector: Collector, job: Job, pool: Path | None) -> RunReport:
    """Return the report on one measurement of a run."""
    return RunReport(
        job=collector.job,
        done=collector.done,
        skipped=collector.skipped,
        unit=collector.unit,
        seconds=job.seconds,
        rejects=(*job.rejects, *collector.rejects),
        rejects_file="" if pool is None else str(pool / REJECTS_NAME),
        facts=tuple(collector.facts()),
        interrupted=job.interrupted,
    )


def shortfall_of(collector: Collector, job: Job) -> str | None:
    """Return why a run ended without what the measurement is for; None when it did not."""
    if job.interrupted is not None:
        return None
    return collector.shortfall([*job.rejects, *collector.rejects])


def _plan(
    files: Sequence[SourceFile],
    pool: DegradationPool | None,
    collectors: Sequence[Collector],
    job: Job,
    max_pixels: int,
) -> tuple[list[_Visit], int]:
    """Return what is to be visited, and how many photos need not be."""
    needs_all = any(collector.needs_all_first for collector in collectors)
    new = [] if needs_all else _certainly_new(files, pool)
    certain = set(new)
    looked_at, unusable = scan_photos(
        [file for file in files if file not in certain], max_pixels=max_pixels
    )
    job.rejects += unusable
    photos = once_each(looked_at)
    if pool is not None:
        known = {photo.sha256 for photo in pool.photos}
        for photo in photos:
            if photo.sha256 in known:
                pool.add_photo(photo.as_record())  # it may lie elsewhere now
    asked: dict[str, list[int]] = {photo.sha256: [] for photo in photos}
    for number, collector in enumerate(collectors):
        for photo in collector.begin(pool, photos):
            asked[photo.sha256].append(number)

    def visit(file: SourceFile, scanned: ScannedPhoto | None, numbers: Sequence[int]) -> _Visit:
        measurements = tuple(collectors[number].measurement for number in numbers)
        return _Visit(file, scanned, tuple(numbers), measurements, max_pixels)

    again = [
        visit(SourceFile(photo.path, photo.name), photo, asked[photo.sha256])
        for photo in photos
        if asked[photo.sha256]
    ]
    visits = [*again, *(visit(file, None, range(len(collectors))) for file in new)]
    order = {file.path: place for place, file in enumerate(files)}
    return sorted(visits, key=lambda v: order[v.file.path]), len(photos) - len(again)


def _certainly_new(files: Sequence[SourceFile], pool: DegradationPool | None) -> list[SourceFile]:
    """Return the files that are as long as no photo of the pool and no other file."""
    lengths = [_length(file) for file in files]
    counts = Counter(lengths)
    known = set() if pool is None else {photo.bytes for photo in pool.photos}
    return [
        file
        for file, length in zip(files, lengths, strict=True)
        if counts[length] == 1 and length not in known
    ]


def _length(file: SourceFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:
        return 0  # reading it says what is wrong


def _make_visits(
    visits: Sequence[_Visit],
    known: int,
    pool: DegradationPool | None,
    collectors: Sequence[Collector],
    job: Job,
    executor: Executor | None,
) -> bool:
    """Visit the photos and keep what is found; tell whether any photo can be used."""
    usable, total = known > 0, known + len(visits)
    with contextlib.ExitStack() as held:
        for collector in collectors:
            held.enter_context(collector.writing())
        job.progress(known, total)
        results = (executor or _choose_executor(visits)).run(_visit, visits)
        for count, result in enumerate(results, known + 1):
            visit = visits[result.index]
            asked = [collectors[number] for number in visit.asked]
            try:
                visited = result.get()
            except WorkerDiedError as error:
                _refuse(Reject(str(visit.file.path), str(error)), asked)
                usable = True
            except InputError as error:
                reject = Reject.from_error(error)
                if visit.scanned is None:
                    job.rejects.append(reject)
                else:
                    _refuse(reject, asked)
                    usable = True
            else:
                _keep(visited, asked, pool)
                usable = True
            job.progress(count, total)
        if usable:
            for collector in collectors:
                collector.finish()
    return usable


def _choose_executor(visits: Sequence[_Visit]) -> Executor:
    seconds = sum(visit.seconds() for visit in visits)
    return make_executor(1 if seconds < _WORTH_WORKERS else None)


def _refuse(reject: Reject, asked: Sequence[Collector]) -> None:
    for collector in asked:
        collector.rejects.append(reject)


def _keep(visited: _Visited, asked: Sequence[Collector], pool: DegradationPool | None) -> None:
    # What a report counts is what the pool has: a signal waits for both.
    with uninterrupted():
        _take(visited, asked, pool)


def _take(visited: _Visited, asked: Sequence[Collector], pool: DegradationPool | None) -> None:
    kept = []
    for collector, outcome in zip(asked, visited.outcomes, strict=True):
        if isinstance(outcome, Reject):
            collector.rejects.append(outcome)
        elif (findings := collector.keep(visited.photo, outcome)) is not None:
            kept.append(findings)
    if kept and pool is not None:
        pool.add_findings(visited.photo.as_record(), kept)
