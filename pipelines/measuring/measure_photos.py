"""The one loop over photos: each is visited once for all measurements that are missing of it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from degrade.errors import DegradeError, InputError
from degrade.images.sources import Reject, find_images
from degrade.pool import DegradationPool, remove_if_unused
from pipelines.executors import DaskExecutor, Executor, TaskResult, WorkerDiedError, make_executor
from pipelines.measuring.collector import Collector
from pipelines.measuring.visits import Visit, Visited, plan_visits, visit_photo
from pipelines.shared.finding_photos import no_photo_error
from pipelines.shared.interrupts import uninterrupted
from pipelines.shared.job import Job
from pipelines.shared.reports import REJECTS_NAME, RunReport, check_rejects

__all__ = ["measure_photos", "report_on", "shortfall_of"]

_WORTH_WORKERS = 3.0
"""Seconds of work; a worker needs one or two for its imports."""


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
    job.tell_passed_over(sources)
    if not isinstance(executor, DaskExecutor):  # whose workers have devices of their own
        for collector in collectors:
            collector.measurement.check_device()
    is_new = pool_path is not None and not pool_path.exists()
    pool = None if pool_path is None else DegradationPool.create(pool_path)
    if pool_path is not None:
        check_rejects(pool_path)
    usable = True
    try:
        with job.stoppable(), contextlib.nullcontext() if pool is None else pool.writing():
            visits, known = plan_visits(files, pool, collectors, job, max_pixels)
            usable = _make_visits(visits, known, pool, collectors, job, executor)
        if not usable:
            raise no_photo_error(sources, job.rejects)
    except DegradeError:
        if pool_path is not None and is_new:
            remove_if_unused(pool_path)
        raise
    if job.interrupted is not None:
        for collector in collectors:
            collector.interrupt()


def report_on(
    collector: Collector, job: Job, pool: Path | None, *, is_alone: bool = True
) -> RunReport:
    """Return the report on one measurement of a run; only one that was alone has a time."""
    return RunReport(
        job=collector.job,
        done=collector.done,
        skipped=collector.skipped,
        unit=collector.unit,
        seconds=job.seconds if is_alone else None,
        rejects=(*job.rejects, *collector.rejects),
        rejects_file="" if pool is None else str(pool / REJECTS_NAME),
        facts=tuple(collector.facts()),
        interrupted=job.interrupted,
        is_brief=True,
    )


def shortfall_of(collector: Collector, job: Job) -> str | None:
    """Return why a run ended without what the measurement is for; None when it did not."""
    if job.interrupted is not None:
        return None
    return collector.shortfall([*job.rejects, *collector.rejects])


def _make_visits(
    visits: Sequence[Visit],
    known: int,
    pool: DegradationPool | None,
    collectors: Sequence[Collector],
    job: Job,
    executor: Executor | None,
) -> bool:
    """Visit the photos and keep what is found; tell whether any photo can be used."""
    usable, done, total = known > 0, known, known + len(visits)
    executor = executor or _choose_executor(visits)
    lost = []
    with contextlib.ExitStack() as held:
        for collector in collectors:
            held.enter_context(collector.writing())
        job.progress(done, total)
        for result in executor.run(visit_photo, visits):
            visit = visits[result.index]
            if isinstance(result.error, WorkerDiedError) and len(visit.asked) > 1:
                lost.append(visit)
                continue
            usable |= _end_visit(visit, result, pool, collectors, job)
            done += 1
            job.progress(done, total)
        for visit in lost:  # one measurement may be to blame: the others are had without it
            singles = visit.singly()
            for result in executor.run(visit_photo, singles):
                usable |= _end_visit(singles[result.index], result, pool, collectors, job)
            done += 1
            job.progress(done, total)
        if usable:
            for collector in collectors:
                collector.finish()
    return usable


def _end_visit(
    visit: Visit,
    result: TaskResult[Visited],
    pool: DegradationPool | None,
    collectors: Sequence[Collector],
    job: Job,
) -> bool:
    """Keep what came of a visit; tell whether the file is a photo, as far as is known."""
    asked = [collectors[number] for number in visit.asked]
    try:
        visited = result.get()
    except WorkerDiedError as error:
        _refuse(Reject(str(visit.file.path), str(error)), asked)
    except InputError as error:
        reject = Reject.from_error(error)
        if visit.scanned is None:
            job.rejects += [reject] if reject not in job.rejects else []
            return False
        _refuse(reject, asked)
    else:
        job.photo_notes.update(visited.notes)
        _keep(visited, asked, pool)
    return True


def _choose_executor(visits: Sequence[Visit]) -> Executor:
    seconds = sum(visit.seconds() for visit in visits)
    return make_executor(1 if seconds < _WORTH_WORKERS else None)


def _refuse(reject: Reject, asked: Sequence[Collector]) -> None:
    for collector in asked:
        collector.rejects.append(reject)


def _keep(visited: Visited, asked: Sequence[Collector], pool: DegradationPool | None) -> None:
    # What a report counts is what the pool has: a signal waits for both.
    with uninterrupted():
        _take(visited, asked, pool)


def _take(visited: Visited, asked: Sequence[Collector], pool: DegradationPool | None) -> None:
    kept = []
    for collector, outcome in zip(asked, visited.outcomes, strict=True):
        if isinstance(outcome, Reject):
            collector.rejects.append(outcome)
        elif (findings := collector.keep(visited.photo, outcome)) is not None:
            kept.append(findings)
    if kept and pool is not None:
        pool.add_findings(visited.photo.as_record(), kept)
