"""Collect the noise of photos: find their flat patches and keep them in the pool."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from degrade.images.image_io import MAX_PIXELS
from degrade.noise import NoiseSelection
from pipelines.executors import Executor
from pipelines.measuring.cameras import CamerasOfNoise
from pipelines.measuring.measure_photos import measure_photos, report_on, shortfall_of
from pipelines.measuring.measurement import check_confidence
from pipelines.measuring.noise_patches import NoiseCollector
from pipelines.measuring.photo_history import CameraHistory
from pipelines.shared.job import Job
from pipelines.shared.reports import ProgressCallback, ReportedError, RunReport, write_rejects

__all__ = ["ExtractNoiseConfig", "NoNoiseError", "extract_noise"]


class NoNoiseError(ReportedError):
    """No photo has a noise patch; the text tells which setting would have found some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractNoiseConfig:
    """The settings of ``degrade extract-noise``.

    Attributes
    ----------
    sources : tuple of Path
        Photos: files, folders, manifests.
    pool : Path
        Where the patches go; made when missing.
    selection : NoiseSelection
    min_confidence : float
        Photos whose noise is less sure, since JPEG's blocks show in it, are rejected: see
        :func:`degrade.jpeg.blocks.noise_confidence`.
    max_pixels : int
        Larger photos are rejected before they are decoded.
    """

    sources: tuple[Path, ...]
    pool: Path
    selection: NoiseSelection = field(default_factory=NoiseSelection)
    min_confidence: float = 0.0
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        check_confidence(self.min_confidence)


def extract_noise(
    config: ExtractNoiseConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Fill the pool with the noise patches of all photos.

    Parameters
    ----------
    config : ExtractNoiseConfig
    executor : Executor or None
        Where the photos are searched; None: in this process, or on every core when there is so
        much to do that starting workers pays.
    on_progress : callable or None
        Called with (photos done, photos in all).

    Returns
    -------
    RunReport
        Counts patches; each line tells of one photo what was found and why the rest was refused.

    Raises
    ------
    NoNoiseError
        No photo has a noise patch: the text tells the variances that were met and the setting
        that would have found some.
    DegradeError
        No photo can be used, or the pool is damaged or in use.
    """
    collector = NoiseCollector(config.selection, min_confidence=config.min_confidence)
    cameras = CamerasOfNoise(CameraHistory(), collector)
    job = Job(collector.job, collector.unit, on_progress)
    measure_photos(
        job,
        config.sources,
        config.pool,
        [collector, cameras],
        max_pixels=config.max_pixels,
        executor=executor,
    )
    report = report_on(collector, job, config.pool)
    report = replace(report, facts=(*report.facts, *cameras.facts(), *job.facts, *job.note_facts()))
    write_rejects(config.pool, report.rejects)
    shortfall = shortfall_of(collector, job)
    if shortfall is not None:
        raise NoNoiseError(shortfall, report)
    return report
