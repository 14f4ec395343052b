"""``degrade estimate-kernels``, ``extract-noise`` and ``build-pool``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipelines.cli.common import (
    PATH,
    finish,
    jobs_option,
    max_pixels_option,
    pool_option,
    progress_bar,
    seed_option,
    sources_argument,
)

if TYPE_CHECKING:
    from pipelines.kernel_estimation import EstimateKernelsConfig
    from pipelines.noise_extraction import ExtractNoiseConfig

F = TypeVar("F", bound=Callable[..., Any])

_pool_option = pool_option(default=Path("pool"), show_default=True)


def _kernel_options(function: F) -> F:
    for option in (
        click.option(
            "--scale", type=click.IntRange(2, 4), default=4, show_default=True,
            help="Downscaling factor of the kernels.",
        ),
        click.option(
            "--iterations", type=click.IntRange(1), default=3000, show_default=True,
            help="KernelGAN iterations a photo; 1500 are as accurate on average.",
        ),
        click.option(
            "--constraints", type=click.Choice(["kernelgan", "realsr"]), default="kernelgan",
            show_default=True, help="Whose constraint set shapes the kernel.",
        ),
        click.option("--device", default="cpu", show_default=True, help="cpu or cuda."),
    ):  # fmt: skip
        function = option(function)
    return function


def _noise_options(function: F) -> F:
    for option in (
        click.option(
            "--patch-size", type=click.IntRange(8), default=256, show_default=True,
            help="Side of a noise patch in pixels.",
        ),
        click.option(
            "--max-variance", type=float, default=20.0, show_default=True,
            help="Largest grey variance of a patch, 8-bit units.",
        ),
        click.option(
            "--min-mean", type=float, default=0.0, show_default=True,
            help="Smallest mean grey level, 8-bit units.",
        ),
        click.option(
            "--stride", type=click.IntRange(1), default=None,
            help="Step between patch positions.  [default: the patch size]",
        ),
    ):  # fmt: skip
        function = option(function)
    return function


@click.command("estimate-kernels")
@sources_argument
@_pool_option
@click.option("--out-mat", type=PATH, default=None, help="Write KernelGAN's .mat layout here too.")
@_kernel_options
@seed_option
@jobs_option
@max_pixels_option
def estimate_kernels(jobs: int | None, **options: Any) -> None:
    """Estimate a blur kernel for each real photo.

    SRC are photos, folders of photos, or JSONL manifests. Photos that the pool already has a
    kernel for, made with the same settings, are skipped.
    """
    from pipelines.executors import make_executor
    from pipelines.kernel_estimation import run_kernel_estimation

    config = _kernel_config(**options)
    with progress_bar("estimate-kernels", "photos") as progress:
        report = run_kernel_estimation(config, executor=make_executor(jobs), on_progress=progress)
    finish(report)


def _kernel_config(
    sources: tuple[Path, ...],
    pool: Path,
    out_mat: Path | None,
    seed: int,
    device: str,
    max_pixels: int,
    **method: Any,
) -> EstimateKernelsConfig:
    from kernelgan import KernelGANConfig
    from pipelines.kernel_estimation import EstimateKernelsConfig

    return EstimateKernelsConfig(
        sources=sources, pool=pool, out_mat=out_mat, kernelgan=KernelGANConfig(**method),
        seed=seed, device=device, max_pixels=max_pixels,
    )  # fmt: skip


@click.command("extract-noise")
@sources_argument
@_pool_option
@_noise_options
@jobs_option
@max_pixels_option
def extract_noise(jobs: int | None, **options: Any) -> None:
    """Collect the noise of real photos from their flat patches.

    A patch is taken when its grey variance is at most --max-variance and it is not clipped,
    textured or free of noise; its mean is removed.
    """
    from pipelines.executors import make_executor
    from pipelines.noise_extraction import run_noise_extraction

    config = _noise_config(**options)
    with progress_bar("extract-noise", "photos") as progress:
        report = run_noise_extraction(config, executor=make_executor(jobs), on_progress=progress)
    finish(report)


def _noise_config(
    sources: tuple[Path, ...], pool: Path, max_pixels: int, **selection: Any
) -> ExtractNoiseConfig:
    from degrade.noise import NoiseSelection
    from pipelines.noise_extraction import ExtractNoiseConfig

    return ExtractNoiseConfig(
        sources=sources, pool=pool, selection=NoiseSelection(**selection), max_pixels=max_pixels
    )


@click.command("build-pool")
@sources_argument
@_pool_option
@_kernel_options
@_noise_options
@seed_option
@jobs_option
@max_pixels_option
def build_pool(**options: Any) -> None:
    """Fill a pool with both: estimate-kernels and extract-noise on the same photos."""
    from pipelines.executors import make_executor
    from pipelines.pool_building import BuildPoolConfig, run_pool_building

    executor = make_executor(options.pop("jobs"))
    noise_names = ("patch_size", "max_variance", "min_mean", "stride")
    shared = {name: options[name] for name in ("sources", "pool", "max_pixels")}
    noise = _noise_config(**shared, **{name: options.pop(name) for name in noise_names})
    config = BuildPoolConfig(kernels=_kernel_config(out_mat=None, **options), noise=noise)
    with progress_bar("build-pool", "steps") as progress:
        report = run_pool_building(config, executor=executor, on_progress=progress)
    finish(report)
