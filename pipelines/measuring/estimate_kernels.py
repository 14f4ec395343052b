"""Estimate a blur kernel for each photo and keep it in the pool."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from degrade.errors import DegradeError, InputError, InvalidValueError
from degrade.images.image_io import MAX_PIXELS
from degrade.images.sources import Reject
from degrade.kernels.estimates import KernelEstimate, UnsuitablePhotoError
from kernelgan import KernelGANConfig
from pipelines.executors import DaskExecutor, Executor, WorkerDiedError, make_executor
from pipelines.measuring.kernel_keeping import (
    KernelKeeper,
    SeparateKernels,
    SharedKernel,
    TooFewEstimatesError,
)
from pipelines.measuring.kernel_methods import EstimationMethod, KernelGANMethod, SpectralMethod
from pipelines.measuring.kernel_places import KernelPlaces
from pipelines.measuring.kernel_reports import describe_kernel, describe_together
from pipelines.shared.interrupts import interrupt_signal
from pipelines.shared.photo_scan import ScannedPhoto, find_photos, read_scanned
from pipelines.shared.reports import (
    REJECTS_NAME,
    Fact,
    ProgressCallback,
    ReportedError,
    RunReport,
    no_progress,
    usual_reason,
    write_rejects,
)

__all__ = ["EstimateKernelsConfig", "TooFewPhotosError", "estimate_kernels"]


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
    scale : {2, 3, 4}
        Downscaling factor of the kernels.
    min_confidence : float
        In [0, 1]; a photo whose kernel is less sure is rejected, and may be taken in a later run.
    shared : bool
        The photos are one camera's: one kernel for all, without those that disagree.
    kernelgan : KernelGANConfig or None
        KernelGAN's own settings, for the same scale; None: its defaults.
    seed : int
        Each photo's randomness is keyed by this and by the photo's content; the spectral method
        has none.
    device : str
        A torch device, ``cpu`` or ``cuda``; KernelGAN's alone.
    max_pixels : int
        Larger photos are rejected before they are decoded.
    """

    sources: tuple[Path, ...]
    pool: Path | None = None
    out_mat: Path | None = None
    method: Literal["auto", "spectral", "kernelgan"] = "auto"
    scale: int = 4
    min_confidence: float = 0.0
    shared: bool = False
    kernelgan: KernelGANConfig | None = None
    seed: int = 0
    device: str = "cpu"
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.pool is None and self.out_mat is None:
            raise InvalidValueError("give a place for the kernels: `pool`, `out_mat`, or both")
        if self.method not in _METHODS:
            raise InvalidValueError(
                f"method must be one of {', '.join(_METHODS)}, got {self.method!r}"
            )
        if self.scale not in (2, 3, 4):
            raise InvalidValueError(f"scale must be 2, 3 or 4, got {self.scale}")
        if not 0 <= self.min_confidence <= 1:
            raise InvalidValueError(
                f"min_confidence must be between 0 and 1, got {self.min_confidence}"
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


def _spectral(config: EstimateKernelsConfig) -> EstimationMethod:
    return SpectralMethod(config.scale)


def _kernelgan(config: EstimateKernelsConfig) -> EstimationMethod:
    settings = config.kernelgan or KernelGANConfig(scale=config.scale)
    return KernelGANMethod(settings, config.seed, config.device)


_METHODS: dict[str, Callable[[EstimateKernelsConfig], EstimationMethod]] = {
    "auto": _spectral,
    "spectral": _spectral,
    "kernelgan": _kernelgan,
}


_WORTH_WORKERS = 3.0
"""Seconds of work; a worker needs one or two for its imports."""


@dataclass(frozen=True, slots=True)
class _Task:
    photo: ScannedPhoto
    method: EstimationMethod
    max_pixels: int


def _estimate(task: _Task) -> KernelEstimate:
    photo = task.photo
    image = read_scanned(photo.path, photo.sha256, max_pixels=task.max_pixels)
    return task.method.estimate(image, photo.name)


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
    started = time.monotonic()
    method = _METHODS[config.method](config)
    photos, rejects = find_photos(config.sources, max_pixels=config.max_pixels)
    if not isinstance(executor, DaskExecutor):  # whose workers have devices of their own
        method.check_device()
    keeper_class = SharedKernel if config.shared else SeparateKernels
    keeper: KernelKeeper = keeper_class(
        KernelPlaces(config.pool, config.out_mat), method, min_confidence=config.min_confidence
    )
    todo, unsure = keeper.begin(photos)
    rejects += unsure
    tasks = [_Task(photo, method, config.max_pixels) for photo in todo]
    outcomes = _outcomes(tasks, executor or _choose_executor(tasks))
    report = on_progress or no_progress
    estimates: list[tuple[str, KernelEstimate]] = []
    conclusions: list[str] = []
    interrupted, too_few = None, None
    try:
        with keeper.writing():
            report(len(photos) - len(todo), len(photos))
            for count, (photo, outcome) in enumerate(outcomes, len(photos) - len(todo) + 1):
                refusal = outcome if isinstance(outcome, Reject) else keeper.keep(photo, outcome)
                if refusal is not None:
                    rejects.append(refusal)
                elif isinstance(outcome, KernelEstimate):
                    estimates.append((photo.name, outcome))
                report(count, len(photos))
            conclusions = keeper.finish()
    except KeyboardInterrupt as error:
        interrupted, conclusions = interrupt_signal(error), keeper.interrupt()
    except TooFewEstimatesError as error:
        too_few = error
    if config.pool is not None:
        write_rejects(config.pool, rejects)
    lines = sorted(describe_kernel(name, estimate) for name, estimate in estimates)
    lines += describe_together([estimate for _, estimate in estimates])
    outcome_report = RunReport(
        job="estimate-kernels",
        done=keeper.done,
        skipped=keeper.skipped,
        unit="kernel",
        seconds=time.monotonic() - started,
        rejects=tuple(rejects),
        rejects_file="" if config.pool is None else str(config.pool / REJECTS_NAME),
        facts=tuple(Fact("kernels", line) for line in (*lines, *conclusions)),
        interrupted=interrupted,
    )
    if too_few is not None:
        reason = f"; {usual_reason(rejects)}" if rejects else ""
        raise TooFewPhotosError(f"{too_few}{reason}", outcome_report)
    return outcome_report


def _choose_executor(tasks: Sequence[_Task]) -> Executor:
    seconds = sum(task.method.seconds_for(task.photo.height * task.photo.width) for task in tasks)
    return make_executor(1 if seconds < _WORTH_WORKERS else None)


def _outcomes(
    tasks: Sequence[_Task], executor: Executor
) -> Iterator[tuple[ScannedPhoto, KernelEstimate | Reject]]:
    """Yield each photo with its estimate, or with why there is none, as they come."""
    for result in executor.run(_estimate, tasks):
        photo = tasks[result.index].photo
        try:
            yield photo, result.get()
        except (InputError, UnsuitablePhotoError, WorkerDiedError) as error:
            yield photo, _as_reject(photo, error)


def _as_reject(photo: ScannedPhoto, error: DegradeError) -> Reject:
    if isinstance(error, InputError):
        return Reject.from_error(error)
    if isinstance(error, UnsuitablePhotoError):
        return Reject(str(photo.path), error.reason, error.remedy)
    return Reject(str(photo.path), str(error))
