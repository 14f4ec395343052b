"""Fill a pool with the kernels and the noise of the same photos."""

from __future__ import annotations

import time
from dataclasses import dataclass

from degrade.images.sources import Reject
from pipelines.executors import Executor
from pipelines.measuring.estimate_kernels import (
    EstimateKernelsConfig,
    TooFewPhotosError,
    estimate_kernels,
)
from pipelines.measuring.extract_noise import (
    ExtractNoiseConfig,
    NoNoiseError,
    extract_noise,
)
from pipelines.shared.reports import (
    REJECTS_NAME,
    ProgressCallback,
    RunReport,
    no_progress,
    write_rejects,
)

__all__ = ["BuildPoolConfig", "build_pool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPoolConfig:
    """The settings of both halves; their sources and pool are the same."""

    kernels: EstimateKernelsConfig
    noise: ExtractNoiseConfig


def build_pool(
    config: BuildPoolConfig,
    *,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> RunReport:
    """Collect noise, then estimate kernels.

    Noise comes first: when none is found, the advice is there before KernelGAN's long part starts.
    That is no reason to stop, so it becomes one of the rejects, as does a shared kernel that has
    too few photos.

    Raises
    ------
    DegradeError
        No photo can be used, or the pool is damaged or in use.
    """
    started = time.monotonic()
    progress = on_progress or no_progress
    half = (0, 0)

    def noise_progress(done: int, total: int) -> None:
        nonlocal half
        half = (done, total)
        progress(done, 2 * total)

    def kernel_progress(done: int, total: int) -> None:
        progress(half[1] + done, half[1] + total)

    parts: list[RunReport] = []
    rejects: list[Reject] = []
    try:
        noise = extract_noise(config.noise, executor=executor, on_progress=noise_progress)
    except NoNoiseError as error:
        noise = error.report
        rejects.append(Reject("noise", str(error)))
    parts.append(noise)
    if noise.interrupted is None:
        try:
            kernels = estimate_kernels(
                config.kernels, executor=executor, on_progress=kernel_progress
            )
        except TooFewPhotosError as error:
            kernels = error.report
            rejects.append(Reject("shared kernel", str(error)))
        parts.append(kernels)
    rejects = list(dict.fromkeys([*(r for part in parts for r in part.rejects), *rejects]))
    write_rejects(config.noise.pool, rejects)
    return RunReport(
        job="build-pool",
        done=sum(part.done for part in parts),
        unit="kernel or patch",
        skipped=sum(part.skipped for part in parts),
        seconds=time.monotonic() - started,
        rejects=tuple(rejects),
        rejects_file=str(config.noise.pool / REJECTS_NAME),
        parts=tuple(parts),
        interrupted=parts[-1].interrupted,
    )
