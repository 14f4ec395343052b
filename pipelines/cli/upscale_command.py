"""``degrade upscale``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.cli.common import (
    PATH,
    device_option,
    finish,
    max_pixels_option,
    mirror_option,
    progress_bar,
    sources_argument,
)
from pipelines.cli.help_pages import command
from pipelines.cli.numbers import NETWORK_SCALE


@command("upscale", short_help="Enlarge photos with trained weights.")
@sources_argument
@click.option(
    "--weights",
    type=PATH,
    required=True,
    help="Weights of RRDBNet, SRVGGNetCompact, SRResNet or MSRResNet in any naming (.pth, "
    ".safetensors), or the --out of degrade train.",
)
@click.option(
    "-o",
    "--out",
    type=PATH,
    default=Path("upscaled"),
    show_default=True,
    help="Folder for the results, which lie in it as the photos do in theirs.",
)
@click.option(
    "--format",
    type=click.Choice(["png", "jpeg", "tiff", "webp"]),
    default="png",
    show_default=True,
    help="PNG and TIFF keep 16 bits; JPEG and WebP are of quality 95.",
)
@click.option(
    "--keep-profile",
    is_flag=True,
    help="Enlarge photos with a colour profile in their own colours, and put it into the results.  "
    "[default: results are sRGB]",
)
@click.option("--suffix", default="", help="Put behind each name: _x4 makes photo_x4.png.")
@click.option("--overwrite", is_flag=True, help="Replace results that are there.")
@click.option(
    "--with",
    "other",
    metavar="WEIGHTS",
    type=PATH,
    default=None,
    help="Other weights of the same form, to mix with, such as a GAN's.",
)
@click.option(
    "--alpha",
    type=click.FloatRange(0, 1),
    default=None,
    help="Their share: 0 is --weights alone, 1 --with alone.",
)
@click.option(
    "--samples",
    type=click.IntRange(1),
    default=None,
    help="So many plausible results of each photo, by weights that were trained with noise.",
)
@click.option("--flips", is_flag=True, help="Average over eight turned images: 8 times the time.")
@mirror_option
@click.option(
    "--tile",
    type=click.IntRange(1),
    default=None,
    help="Side of a tile in LR pixels.  [default: what --max-memory allows]",
)
@click.option(
    "--max-memory",
    metavar="GIB",
    type=click.FloatRange(0, min_open=True),
    default=None,
    help="For a tile at work.  [default: 2; on a GPU 70 % of what is free]",
)
@device_option
@click.option(
    "--precision",
    type=click.Choice(["auto", "fp32", "bf16", "fp16"]),
    default="auto",
    show_default=True,
    help="auto: fp16 on GPUs, but fp32 for 16-bit results.",
)
@click.option(
    "--scale",
    type=NETWORK_SCALE,
    default=None,
    help="For the few weights that do not tell.  [default: read off the weights]",
)
@max_pixels_option
def upscale(**options: Any) -> None:
    """Enlarge photos with trained weights, as many times as these say.

    Results that an earlier run of the same command has made are kept, so that it goes on where it
    was stopped. 16 bits, gray and transparency stay.
    """
    from pipelines.upscaling.upscale import UpscaleConfig
    from pipelines.upscaling.upscale import upscale as run

    config = UpscaleConfig(**options)
    with progress_bar("upscale", "px") as progress:
        report = run(config, on_progress=progress)
    finish(report)
