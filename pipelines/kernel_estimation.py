"""Estimate a blur kernel for each photo and keep it in the pool."""

from __future__ import annotations

import contextlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import degrade
from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from degrade.image_io import MAX_PIXELS
from degrade.kernel_files import write_kernelgan_mat
from degrade.kernels import BlurKernel, kernel_sigmas
from degrade.pool import DegradationPool, Provenance
from degrade.sources import Reject
from kernelgan import KernelEstimate, KernelGANConfig, UnsuitablePhotoError, estimate_kernels
from pipelines.executors import Executor, InProcessExecutor, WorkerDiedError
from pipelines.interrupts import interrupt_signal
from pipelines.photo_scan import ScannedPhoto, find_photos, read_scanned
from pipelines.reports import (
    ProgressCallback,
    RunReport,
    no_progress,
    write_rejects,
)

__all__ = ["EstimateKernelsConfig", "run_kernel_estimation"]


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
    kernelgan : KernelGANConfig
        The method's settings, the scale among them.
    seed : int
        Each photo's randomness is keyed by this and by the photo's content.
    device : str
        A torch device, ``cpu`` or ``cuda``.
    max_pixels : int
        Larger photos are rejected before they are decoded.
    """

    sources: tuple[Path, ...]
    pool: Path | None = None
    out_mat: Path | None = None
    kernelgan: KernelGANConfig = field(default_factory=KernelGANConfig)
    seed: int = 0
    device: str = "cpu"
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.pool is None and self.out_mat is None:
            raise InvalidValueError("give a place for the kernels: --pool, --out-mat, or both")
        if self.seed < 0:
            raise InvalidValueError(f"seed must be at least 0, got {self.seed}")

    @property
    def settings(self) -> str:
        """Canonical JSON of what decides a photo's kernel; the pool compares it to skip photos."""
        values = {"method": "kernelgan", "seed": self.seed, **asdict(self.kernelgan)}
        return json.dumps(values, sort_keys=True)


@dataclass(frozen=True, slots=True)
class _Task:
    photo: ScannedPhoto
    config: EstimateKernelsConfig


def _estimate(task: _Task) -> KernelEstimate:
    photo, config = task.photo, task.config
    image = read_scanned(photo.path, photo.sha256, max_pixels=config.max_pixels).as_float()
    return estimate_kernels(
        [image], config.kernelgan, keys=[photo.sha256], seed=config.seed, device=config.device
    )[0]


class _Keeper:
    """Knows which kernels there are already, and keeps each new one at once."""

    def __init__(self, config: EstimateKernelsConfig) -> None:
        self._config = config
        self._pool = None if config.pool is None else DegradationPool.create(config.pool)
        self._stems: dict[str, str] = {}

    def __enter__(self) -> None:
        with contextlib.ExitStack() as stack:
            if self._pool is not None:
                stack.enter_context(self._pool.writing())
            self._stack = stack.pop_all()

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def missing(self, photos: Sequence[ScannedPhoto]) -> list[ScannedPhoto]:
        """Return the photos without a kernel; of the others, write the ``.mat`` from the pool."""
        self._stems = _file_stems(photos)
        if self._pool is None:
            return list(photos)
        known = self._pool.kernels_measured(self._config.settings)
        for photo in photos if self._config.out_mat is not None else ():
            if photo.sha256 in known:
                self._write_mat(photo, self._pool.read_kernel(known[photo.sha256]))
        return [photo for photo in photos if photo.sha256 not in known]

    def keep(self, photo: ScannedPhoto, estimate: KernelEstimate) -> None:
        self._write_mat(photo, estimate.kernel)
        if self._pool is None:
            return
        self._pool.add_source(photo.as_record())
        self._pool.add_kernel(
            estimate.kernel,
            Provenance(
                source_name=photo.name, source_sha256=photo.sha256, box=None, method="kernelgan",
                settings=self._config.settings, tool_version=degrade.__version__,
                statistics=estimate.statistics,
            ),
        )  # fmt: skip

    def _write_mat(self, photo: ScannedPhoto, kernel: BlurKernel) -> None:
        if self._config.out_mat is not None:
            write_kernelgan_mat(self._config.out_mat, self._stems[photo.sha256], kernel)


def _file_stems(photos: Sequence[ScannedPhoto]) -> dict[str, str]:
    """Return each photo's name without folder and ending, by its sha256.

    Photos that share one, from two folders, all get a part of their hash: which of them is
    finished first must not decide.
    """
    stems = {photo.sha256: Path(photo.name).stem for photo in photos}
    counts = Counter(stems.values())
    return {
        sha256: stem if counts[stem] == 1 else f"{stem}-{sha256[:8]}"
        for sha256, stem in stems.items()
    }


def run_kernel_estimation(
    config: EstimateKernelsConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Estimate the kernels of all photos that the pool has none of yet.

    Every kernel is kept as soon as it is there, so an interrupted run loses only the photos that
    it was working on.

    Parameters
    ----------
    config : EstimateKernelsConfig
    executor : Executor or None
        Where the photos are worked on; None: in this process.
    on_progress : callable or None
        Called with (photos done, photos in all).

    Raises
    ------
    DegradeError
        No photo can be used, the pool is damaged or in use, or a result cannot be written.
    """
    started = time.monotonic()
    photos, rejects = find_photos(config.sources, max_pixels=config.max_pixels)
    keeper = _Keeper(config)
    todo = keeper.missing(photos)
    lines: list[str] = []
    interrupted = None
    report = on_progress or no_progress
    try:
        with keeper:
            report(len(photos) - len(todo), len(photos))
            tasks = [_Task(photo, config) for photo in todo]
            results = (executor or InProcessExecutor()).run(_estimate, tasks)
            for count, result in enumerate(results, len(photos) - len(todo) + 1):
                photo = todo[result.index]
                try:
                    estimate = result.get()
                except (InputError, UnsuitablePhotoError, WorkerDiedError) as error:
                    rejects.append(_as_reject(photo, error))
                else:
                    keeper.keep(photo, estimate)
                    lines.append(_describe(photo, estimate))
                report(count, len(photos))
    except KeyboardInterrupt as error:
        interrupted = interrupt_signal(error)
    if config.pool is not None:
        write_rejects(config.pool, rejects)
    return RunReport(
        job="estimate-kernels", done=len(lines), skipped=len(photos) - len(todo), unit="kernels",
        seconds=time.monotonic() - started, rejects=tuple(rejects), lines=tuple(sorted(lines)),
        interrupted=interrupted,
    )  # fmt: skip


def _as_reject(photo: ScannedPhoto, error: DegradeError) -> Reject:
    if isinstance(error, InputError):
        return Reject.from_error(error)
    if isinstance(error, UnsuitablePhotoError):
        return Reject(str(photo.path), error.reason, error.remedy)
    return Reject(str(photo.path), str(error))


def _describe(photo: ScannedPhoto, estimate: KernelEstimate) -> str:
    kernel = estimate.kernel
    wide, narrow = kernel_sigmas(kernel.weights)
    line = (
        f"{printable(photo.name)}: ×{kernel.scale}, {kernel.size}×{kernel.size} taps, "
        f"sigma {narrow:.2f}…{wide:.2f} HR px, {estimate.seconds:.1f} s"
    )
    if not estimate.settled:
        line += "; not settled: try more --iterations, or another --seed to compare"
    return line
