"""``degrade estimate-kernels``, ``extract-noise`` and ``build-pool``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipelines.cli.common import (
    PATH,
    executor_options,
    finish,
    max_pixels_option,
    pool_option,
    progress_bar,
    seed_option,
    sources_argument,
)
from pipelines.cli.help_pages import command
from pipelines.cli.numbers import REGIONS, SCALE

if TYPE_CHECKING:
    from pipelines.executors import Executor
    from pipelines.measuring.estimate_kernels import EstimateKernelsConfig
    from pipelines.measuring.extract_noise import ExtractNoiseConfig

F = TypeVar("F", bound=Callable[..., Any])

_pool_option = pool_option(
    default=Path("pool"), show_default=True, help="Folder of the degradation pool; made if missing."
)


_min_confidence_option = click.option(
    "--min-confidence",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Leave out what is less sure. Below 0.5 a kernel is rather wrong than right, and in noise "
    "JPEG's blocks show.",
)


def _kernel_options(function: F) -> F:
    options = (
        click.option(
            "--method",
            type=click.Choice(["auto", "spectral", "kernelgan"]),
            default="auto",
            show_default=True,
            help="spectral: milliseconds a photo, and what auto takes because it is the more "
            "accurate one; kernelgan: the published reference.",
        ),
        click.option(
            "--scale",
            type=SCALE,
            default=4,
            show_default=True,
            help="Downscaling factor of the kernels: any from 1.5 to 64; the networks are for 2, 3 "
            "and 4, and the nearest one reads the photo.",
        ),
        _min_confidence_option,
        click.option(
            "--camera",
            default="exif",
            show_default=True,
            metavar="NAME",
            help="Whose photos they are: beside each kernel one is kept that is nearer to the mean "
            "of its camera's, the more the less sure it is. exif: as the photos say; none: none is "
            "made.",
        ),
        click.option(
            "--shared",
            is_flag=True,
            help="The photos are of one camera and lens: keep one kernel for all, and name those "
            "that disagree.",
        ),
        click.option(
            "--regions",
            type=REGIONS,
            default=None,
            help="A kernel for each of RxC regions of a photo, such as 3x3: lenses are softer in "
            "the corners. Regions that cannot tell have none.",
        ),
        click.option(
            "--iterations",
            type=click.IntRange(1),
            default=None,
            help="With --method kernelgan: at most so many a photo; 1500 is the quick setting, "
            "as accurate on average.  [default: 3000]",
        ),
        click.option(
            "--constraints",
            type=click.Choice(["kernelgan", "realsr"]),
            default=None,
            help="With --method kernelgan: whose constraint set shapes the kernel.  "
            "[default: kernelgan]",
        ),
        click.option(
            "--device",
            default=None,
            help="With --method kernelgan: cpu or cuda.  [default: cpu]",
        ),
    )
    for option in reversed(options):  # as decorators are applied: the last one first
        function = option(function)
    return function


def _noise_options(function: F) -> F:
    options = (
        click.option(
            "--patch-size",
            type=click.IntRange(8),
            default=None,
            help="Side of a noise patch in pixels.  [default: for each photo the largest of 256, "
            "128, 64, 32 and 16 that fits between the things in it]",
        ),
        click.option(
            "--max-variance",
            type=click.FloatRange(0, min_open=True),
            default=20.0,
            show_default=True,
            help="Largest variance of a patch, in squared 8-bit grey levels.",
        ),
        click.option(
            "--min-mean",
            type=click.FloatRange(0, 255),
            default=0.0,
            show_default=True,
            help="Smallest mean of a patch, in 8-bit grey levels.",
        ),
        click.option(
            "--stride",
            type=click.IntRange(1),
            default=None,
            help="Pixels from one patch position to the next.  [default: the patch size, or half "
            "of it where that is chosen]",
        ),
        click.option(
            "--max-patches",
            type=click.IntRange(1),
            default=64,
            show_default=True,
            help="Most patches that are kept of one photo, spread over it.",
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function


@command("estimate-kernels", short_help="Estimate a blur kernel for each real photo.")
@sources_argument
@_pool_option
@click.option("--out-mat", type=PATH, default=None, help="Write KernelGAN's .mat layout here too.")
@click.option(
    "--overwrite", is_flag=True, help="With --out-mat: replace files that no such run has made."
)
@_kernel_options
@seed_option
@executor_options
@max_pixels_option
def estimate_kernels(executor: Executor | None, **options: Any) -> None:
    """Estimate a blur kernel for each real photo.

    SRC are photos, folders of photos, or JSONL manifests. Photos that the pool already has a
    kernel for, made with the same settings, are skipped. Each kernel comes with a confidence: the
    probability that it is as close to the truth as a width that is wrong by a fifth, or closer;
    below 0.5 it is called doubtful. Apart from that it is flagged when its photo is too smooth, too
    noisy, clipped, already upscaled or of a kind that was not trained on.
    """
    from pipelines.measuring.estimate_kernels import estimate_kernels as run

    config = _kernel_config(**options)
    with progress_bar("estimate-kernels", "photos") as progress:
        report = run(config, executor=executor, on_progress=progress)
    finish(report)


def _kernel_config(
    *, iterations: int | None, constraints: str | None, device: str | None, **settings: Any
) -> EstimateKernelsConfig:
    own: dict[str, Any] = {"iterations": iterations, "constraints": constraints, "device": device}
    given = {name: value for name, value in own.items() if value is not None}
    if given and settings["method"] != "kernelgan":
        name = next(iter(given))
        raise click.UsageError(f"--{name} is KernelGAN's: add --method kernelgan, or leave it out")
    from kernelgan import KernelGANConfig
    from pipelines.measuring.estimate_kernels import EstimateKernelsConfig

    if "device" in given:
        settings["device"] = given.pop("device")
    if given:
        settings["kernelgan"] = KernelGANConfig(scale=settings["scale"], **given)
    return EstimateKernelsConfig(**settings)


@command("extract-noise", short_help="Collect the noise of real photos.")
@sources_argument
@_pool_option
@_noise_options
@_min_confidence_option
@executor_options
@max_pixels_option
def extract_noise(executor: Executor | None, **options: Any) -> None:
    """Collect the noise of real photos from their flat patches.

    SRC are photos, folders of photos, or JSONL manifests; none is searched twice with the same
    settings. A patch is taken when its grey variance is at most --max-variance and it is not
    clipped, textured or free of noise; its mean is removed.
    """
    from pipelines.measuring.extract_noise import extract_noise as run

    config = _noise_config(**options)
    with progress_bar("extract-noise", "photos") as progress:
        report = run(config, executor=executor, on_progress=progress)
    finish(report)


def _noise_config(
    sources: tuple[Path, ...],
    pool: Path,
    max_pixels: int,
    min_confidence: float,
    **selection: Any,
) -> ExtractNoiseConfig:
    from degrade.noise import NoiseSelection
    from pipelines.measuring.extract_noise import ExtractNoiseConfig

    return ExtractNoiseConfig(
        sources=sources,
        pool=pool,
        selection=NoiseSelection(**selection),
        min_confidence=min_confidence,
        max_pixels=max_pixels,
    )


@command("build-pool", short_help="Measure photos: kernels and noise, into a pool.")
@sources_argument
@_pool_option
@_kernel_options
@_noise_options
@seed_option
@executor_options
@max_pixels_option
def build_pool(executor: Executor | None, **options: Any) -> None:
    """Fill a pool with all that is measured in photos: what estimate-kernels and extract-noise do.

    SRC are photos, folders of photos, or JSONL manifests. Each is read and decoded once. What the
    pool has already, measured with the same settings, is not measured again.
    """
    from pipelines.pool.build_pool import BuildPoolConfig
    from pipelines.pool.build_pool import build_pool as run

    noise_names = ("patch_size", "max_variance", "min_mean", "stride", "max_patches")
    shared = {name: options[name] for name in ("sources", "pool", "max_pixels", "min_confidence")}
    noise = _noise_config(**shared, **{name: options.pop(name) for name in noise_names})
    config = BuildPoolConfig(kernels=_kernel_config(**options), noise=noise)
    with progress_bar("build-pool", "photos") as progress:
        report = run(config, executor=executor, on_progress=progress)
    finish(report)
