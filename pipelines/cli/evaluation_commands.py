"""``degrade evaluate`` and ``selftest``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.cli.common import (
    PATH,
    device_option,
    finish,
    jobs_option,
    max_pixels_option,
    progress_bar,
    seed_option,
    sources_argument,
)
from pipelines.cli.help_pages import command
from pipelines.cli.numbers import MEASURED_SCALE, SCALE


@command("evaluate", short_help="Tell how near results are to HR.")
@click.argument("hr", metavar="HR", type=PATH)
@click.option(
    "--sr",
    type=PATH,
    multiple=True,
    help="Results, named as HR but for marks such as x4; may be repeated: methods side by side.",
)
@click.option(
    "--weights",
    type=PATH,
    multiple=True,
    help="A generator that enlarges the LR of HR, a folder of pairs; may be repeated.",
)
@click.option("--lr", type=PATH, default=None, help="For --weights: LR, where HR are images.")
@click.option(
    "--scale",
    type=SCALE,
    default=None,
    help="Of --lr, whose sides may then be rounded.  [default: what most of the images have]",
)
@click.option(
    "--lr-name",
    metavar="TEMPLATE",
    default=None,
    help="How the images of --lr are called, such as '{name}x4m'.  [default: as in the field's "
    "sets]",
)
@click.option(
    "--sr-name",
    metavar="TEMPLATE",
    default=None,
    help="How results are called, such as {name}_out.  [default: found by their common ending]",
)
@click.option(
    "--border",
    type=click.IntRange(0),
    default=None,
    help="Pixels left out along each edge.  [default: the scale that pairs or names state, else 4]",
)
@click.option(
    "--niqe-from",
    type=PATH,
    multiple=True,
    help="Clean photos: also tell how natural results look beside them (NIQE); may be repeated.",
)
@click.option(
    "--lpips",
    type=PATH,
    multiple=True,
    help="Also LPIPS, by its weights and its network's: two files, or one with both.",
)
@click.option("--dists", type=PATH, multiple=True, help="Also DISTS, likewise.")
@click.option(
    "--pyiqa",
    metavar="NAME",
    multiple=True,
    help="Also a measure of the package pyiqa, where you have installed it; may be repeated.",
)
@click.option(
    "--csv", type=PATH, metavar="FILE", default=None, help="Write the figures of each image here."
)
@click.option(
    "--sheet", type=PATH, default=None, help="Draw the worst images into this file, NAME.png."
)
@click.option(
    "--overwrite", is_flag=True, help="Replace files that are no earlier table or sheet, too."
)
@device_option
@jobs_option
@max_pixels_option
def evaluate(jobs: int | None, **options: Any) -> None:
    """Tell how near results are to HR, with intervals, and which of several methods is nearer.

    HR is a folder of images, beside --sr, or of pairs, beside --weights. PSNR and SSIM on Y and
    RGB, MS-SSIM, GMSD; for real pairs also PSNR after the best shift, and after a gain and an
    offset of each colour.
    """
    from pipelines.evaluation.evaluate import EvaluateConfig
    from pipelines.evaluation.evaluate import evaluate as run
    from pipelines.executors import make_executor

    config = EvaluateConfig(**options)
    if config.weights or config.lpips or config.dists or config.pyiqa:
        # While a command loads, a signal ends it at once; in the job it would wait for PyTorch.
        import esrgan.perceptual
        import esrgan.upscaling.upscaler  # noqa: F401
    executor = None if jobs is None else make_executor(jobs)
    with progress_bar("evaluate", "images") as progress:
        report = run(config, executor=executor, on_progress=progress)
    finish(report)


@command("selftest", short_help="Tell how far to trust the measurements on your photos.")
@sources_argument
@click.option("--scale", type=MEASURED_SCALE, default=4, show_default=True, help="Of the kernels.")
@click.option(
    "--most",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="Photos: of more an even choice is taken.",
)
@click.option(
    "--csv", type=PATH, metavar="FILE", default=None, help="Write what each photo gave here."
)
@click.option(
    "--sheet", type=PATH, default=None, help="Draw errors and shares into this file, NAME.png."
)
@click.option(
    "--overwrite", is_flag=True, help="Replace files that are no earlier table or sheet, too."
)
@seed_option
@jobs_option
@max_pixels_option
def selftest(jobs: int | None, sources: tuple[Path, ...], **options: Any) -> None:
    """Plant known kernels, noise, JPEG and enlargements on clean photos, and measure them again.

    SRC are clean photos of what yours show. Told is what to expect of estimate-kernels,
    build-pool and history on such content: errors, what is not told, and what is told wrongly.
    """
    from pipelines.evaluation.selftest import SelftestConfig
    from pipelines.evaluation.selftest import selftest as run
    from pipelines.executors import make_executor

    config = SelftestConfig(sources=sources, **options)
    executor = None if jobs is None else make_executor(jobs)
    with progress_bar("selftest", "photos") as progress:
        report = run(config, executor=executor, on_progress=progress)
    finish(report)
