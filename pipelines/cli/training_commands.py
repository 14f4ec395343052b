"""``degrade train`` and ``degrade upscale``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.cli.common import (
    PATH,
    finish,
    max_pixels_option,
    pool_option,
    progress_bar,
    seed_option,
    sources_argument,
)

_device_option = click.option(
    "--device", default="cpu", show_default=True, help="A torch device, such as cuda."
)


@click.command("train")
@click.option("--pairs", type=PATH, required=True, help="Folder that build-pairs has made.")
@click.option(
    "--preset",
    type=click.Choice(["tiny", "realsr"]),
    default="tiny",
    show_default=True,
    help="The recipe: tiny for CPUs, realsr as published.",
)
@click.option(
    "--out",
    type=PATH,
    default=Path("model"),
    show_default=True,
    help="Folder of the weights, checkpoints and log.",
)
@click.option("--steps", type=click.IntRange(0), default=None, help="[default: the preset's]")
@click.option("--batch-size", type=click.IntRange(1), default=None, help="[default: the preset's]")
@click.option(
    "--hr-patch",
    type=click.IntRange(1),
    default=None,
    help="Side of the HR crops.  [default: the preset's]",
)
@click.option(
    "--vgg-weights",
    type=PATH,
    default=None,
    help="torchvision's VGG19 weights (a local file) for the perceptual loss. "
    "[default: train without it]",
)
@click.option("--init", type=PATH, default=None, help="RRDBNet weights to start from.")
@pool_option()
@click.option(
    "--workers",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Processes that read pairs; the result does not depend on it.",
)
@click.option(
    "--save-every",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    help="Steps between checkpoints.",
)
@_device_option
@seed_option
def train(**options: Any) -> None:
    """Train a network on pairs: L1, relativistic GAN, and perceptual loss when VGG is given.

    A run that was stopped goes on from its last checkpoint when the same command is given again.
    Pairs built with --noise defer get their noise here, from --pool or the pool they were built
    with.
    """
    from pipelines.training import TrainRunConfig, run_training

    config = TrainRunConfig(**options)
    with progress_bar("train", "steps") as progress:
        report = run_training(config, on_progress=progress)
    finish(report)


@click.command("upscale")
@sources_argument
@click.option("--weights", type=PATH, required=True, help="RRDBNet weights, in any known naming.")
@click.option(
    "--out", type=PATH, default=Path("upscaled"), show_default=True, help="Folder for the PNGs."
)
@click.option(
    "--tile",
    type=click.IntRange(1),
    default=192,
    show_default=True,
    help="Side of a tile in LR pixels; smaller needs less memory.",
)
@_device_option
@max_pixels_option
def upscale(**options: Any) -> None:
    """Enlarge photos with trained weights; 16-bit photos stay 16-bit."""
    from pipelines.upscaling import UpscaleConfig, run_upscaling

    config = UpscaleConfig(**options)
    with progress_bar("upscale", "photos") as progress:
        report = run_upscaling(config, on_progress=progress)
    finish(report)
