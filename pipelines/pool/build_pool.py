"""Fill a pool with all that is measured in photos."""

from __future__ import annotations

from degrade.images.sources import Reject
from pipelines.executors import Executor
from pipelines.measuring.measure_photos import measure_photos, report_on, shortfall_of
from pipelines.pool.measurements import MEASUREMENTS, BuildPoolConfig
from pipelines.shared.job import Job
from pipelines.shared.reports import REJECTS_NAME, ProgressCallback, RunReport, write_rejects

__all__ = ["BuildPoolConfig", "build_pool"]


def build_pool(
    config: BuildPoolConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Ask every measurement of every photo, one visit a photo.

    That no photo has noise is no reason to stop, so it becomes one of the rejects, as does a
    shared kernel that has too few photos.

    Parameters
    ----------
    config : BuildPoolConfig
    executor : Executor or None
        Where the photos are worked on; None: in this process, or on every core when there is so
        much to do that starting workers pays.
    on_progress : callable or None
        Called with (photos done, photos in all).

    Returns
    -------
    RunReport
        Its parts are the measurements.

    Raises
    ------
    DegradeError
        No photo can be used, or the pool is damaged or in use.
    """
    job = Job("build-pool", "finding", on_progress)
    pool = config.noise.pool
    collectors = [make(config) for make in MEASUREMENTS.values()]
    measure_photos(
        job,
        config.noise.sources,
        pool,
        collectors,
        max_pixels=config.noise.max_pixels,
        executor=executor,
    )
    parts = [report_on(collector, job, pool, is_alone=False) for collector in collectors]
    shortfalls = [
        Reject(collector.subject, text)
        for collector in collectors
        if (text := shortfall_of(collector, job)) is not None
    ]
    every = [reject for part in parts for reject in part.rejects]
    job.rejects = list(dict.fromkeys([*every, *shortfalls]))
    write_rejects(pool, job.rejects)
    return job.report(
        sum(part.done for part in parts),
        skipped=sum(part.skipped for part in parts),
        parts=parts,
        rejects_file=str(pool / REJECTS_NAME),
    )
