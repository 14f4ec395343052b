"""Estimate a blur kernel for each photo and keep it in the pool."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from degrade.disk.results import Results
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, as_scale, whole_scale
from degrade.images.image_io import MAX_PIXELS
from degrade.kernels.regions import RegionGrid
from kernelgan import KernelGANConfig
from pipelines.executors import Executor
from pipelines.measuring.cameras import CamerasOfKernels
from pipelines.measuring.collector import Collector
from pipelines.measuring.kernel_keeping import SeparateKernels
from pipelines.measuring.kernel_methods import EstimationMethod, KernelGANMethod, SpectralMethod
from pipelines.measuring.measure_photos import measure_photos, report_on, shortfall_of
from pipelines.measuring.measurement import check_confidence
from pipelines.measuring.photo_history import BY_EXIF, CameraHistory
from pipelines.measuring.region_kernels import RegionCollector, RegionKernels
from pipelines.measuring.shared_kernel import SharedKernel
from pipelines.shared.job import Job
from pipelines.shared.reports import ProgressCallback, ReportedError, RunReport, write_rejects

__all__ = ["EstimateKernelsConfig", "TooFewPhotosError", "estimate_kernels", "kernel_collector"]


class TooFewPhotosError(ReportedError):
    """A shared kernel was asked for, and fewer than two photos can be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateKernelsConfig:
    """The settings of ``degrade estimate-kernels``.

    Attributes
    ----------
    sources : tuple of Path
        Photos: files, folders, manifests.
    pool : Path or None
        Where the kernels go; made when missing.
    out_mat : Path or None
        A folder for KernelGAN's own layout too (``<img>/<img>_kernel_x<scale>.mat``).
    method : {"auto", "spectral", "kernelgan"}
        ``auto`` is the more accurate one, ``spectral``.
    scale : Scale
        Downscaling factor of the kernels; the networks, and KernelGAN, are for 2, 3 and 4: for
        others the spectral method takes that of the nearest.
    min_confidence : float
        In [0, 1]; a photo whose kernel is less sure is rejected, and may be taken in a later run.
    camera : str
        Whose photos they are: beside each kernel one is kept that is nearer to those of its camera
        (:mod:`degrade.pool.camera_kernels`). ``exif``: as EXIF data say; ``none``: none is made;
        any other name: all are of this camera.
    shared : bool
        The photos are one camera's: one kernel for all, without those that disagree.
    regions : RegionGrid or None
        A kernel for each region of a photo, in the place of one for all of it; None, or one
        region: for all of it.
    kernelgan : KernelGANConfig or None
        KernelGAN's own settings, for the same scale; None: its defaults.
    seed : int
        Each photo's randomness is keyed by this and by the photo's content; the spectral method
        has none.
    device : str
        A torch device, ``cpu`` or ``cuda``; KernelGAN's alone.
    max_pixels : int
        Larger photos are rejected before they are decoded.
    overwrite : bool
        Replace files in ``out_mat`` that no such run has made.
    """

    sources: tuple[Path, ...]
    pool: Path | None = None
    out_mat: Path | None = None
    method: Literal["auto", "spectral", "kernelgan"] = "auto"
    scale: Scale = 4
    min_confidence: float = 0.0
    camera: str = BY_EXIF
    shared: bool = False
    regions: RegionGrid | None = None
    kernelgan: KernelGANConfig | None = None
    seed: int = 0
    device: str = "cpu"
    max_pixels: int = MAX_PIXELS
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.pool is None and self.out_mat is None:
            raise InvalidValueError("give a place for the kernels: `pool`, `out_mat`, or both")
        if self.method not in _METHODS:
            raise InvalidValueError(
                f"method must be one of {', '.join(_METHODS)}, got {self.method!r}"
            )
        object.__setattr__(self, "scale", as_scale(self.scale))
        if self.method == "kernelgan" and self.scale not in (2, 3, 4):
            raise InvalidValueError(
                f"scale must be 2, 3 or 4 with method 'kernelgan', got {self.scale}; the spectral "
                "method takes any: `method=spectral`"
            )
        check_confidence(self.min_confidence)
        if self.regions == RegionGrid(1, 1):
            object.__setattr__(self, "regions", None)
        self._check_regions()
        if not self.camera or len(self.camera) > _LONGEST_NAME:
            raise InvalidValueError(
                f"camera must be a name of 1 to {_LONGEST_NAME} letters, got {len(self.camera)}"
            )
        if self.seed < 0:
            raise InvalidValueError(f"seed must be at least 0, got {self.seed}")
        if self.method != "kernelgan" and (self.kernelgan is not None or self.device != "cpu"):
            raise InvalidValueError(
                f"KernelGAN's settings and device need method 'kernelgan', got {self.method!r}"
            )
        if self.kernelgan is not None and self.kernelgan.scale != self.scale:
            raise InvalidValueError(
                f"scale must be that of kernelgan, {self.kernelgan.scale}, got {self.scale}"
            )

    def _check_regions(self) -> None:
        """Refuse regions beside settings that want one kernel."""
        if self.regions is None:
            return
        if self.method == "kernelgan":
            raise InvalidValueError(
                "regions need the spectral method: KernelGAN takes one kernel from the sharpest "
                "crops of a photo; leave `regions` out, or use `method=spectral`"
            )
        for name in ("shared", "out_mat"):
            if getattr(self, name):
                raise InvalidValueError(
                    f"regions give a photo several kernels, and `{name}` has room for one; "
                    f"leave `regions` or `{name}` out"
                )


_LONGEST_NAME = 64


def _spectral(config: EstimateKernelsConfig) -> EstimationMethod:
    return SpectralMethod(config.scale)


def _kernelgan(config: EstimateKernelsConfig) -> EstimationMethod:
    scale = whole_scale(config.scale, "KernelGAN is for 2, 3 and 4; `method=spectral` takes any")
    settings = config.kernelgan or KernelGANConfig(scale=scale)
    return KernelGANMethod(settings, config.seed, config.device)


_METHODS: dict[str, Callable[[EstimateKernelsConfig], EstimationMethod]] = {
    "auto": _spectral,
    "spectral": _spectral,
    "kernelgan": _kernelgan,
}


def kernel_collector(config: EstimateKernelsConfig) -> Collector:
    """Return what keeps the kernels of a run with these settings."""
    if config.regions is not None:
        measurement = RegionKernels(SpectralMethod(config.scale), config.regions)
        return RegionCollector(measurement, min_confidence=config.min_confidence)
    keeper = SharedKernel if config.shared else SeparateKernels
    method = _METHODS[config.method](config)
    mats = None
    if config.out_mat is not None:
        mats = Results(config.out_mat, "estimate-kernels", overwrite=config.overwrite)
    return keeper(method, min_confidence=config.min_confidence, mats=mats)


def _with_cameras(collector: Collector, config: EstimateKernelsConfig) -> list[Collector]:
    """Return the collector, and what remembers the cameras of the photos that it keeps."""
    if config.pool is None or not isinstance(collector, SeparateKernels | RegionCollector):
        return [collector]
    return [collector, CamerasOfKernels(CameraHistory(config.camera), collector)]


def estimate_kernels(
    config: EstimateKernelsConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Estimate the kernels of all photos that the pool has none of yet.

    Every kernel is kept as soon as it is there, so an interrupted run loses only the photos that
    it was working on; a shared one is there when all photos are done.

    Parameters
    ----------
    config : EstimateKernelsConfig
    executor : Executor or None
        Where the photos are worked on; None: in this process, or on every core when there is so
        much to do that starting workers pays.
    on_progress : callable or None
        Called with (photos done, photos in all).

    Raises
    ------
    TooFewPhotosError
        A shared kernel was asked for, and fewer than two photos can be used.
    DegradeError
        No photo can be used, the pool is damaged or in use, or a result cannot be written.
    """
    collectors = _with_cameras(kernel_collector(config), config)
    collector = collectors[0]
    job = Job(collector.job, collector.unit, on_progress)
    measure_photos(
        job,
        config.sources,
        config.pool,
        collectors,
        max_pixels=config.max_pixels,
        executor=executor,
    )
    report = report_on(collector, job, config.pool)
    more = [fact for other in collectors[1:] for fact in other.facts()]
    report = replace(report, facts=(*report.facts, *more, *job.facts, *job.note_facts()))
    if config.pool is not None:
        write_rejects(config.pool, report.rejects)
    shortfall = shortfall_of(collector, job)
    if shortfall is not None:
        raise TooFewPhotosError(shortfall, report)
    return report
