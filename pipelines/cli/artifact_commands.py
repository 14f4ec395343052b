"""``degrade detect-artifacts``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.common import (
    PATH,
    device_option,
    executor_options,
    finish,
    max_pixels_option,
    progress_bar,
)
from pipelines.cli.help_pages import command

if TYPE_CHECKING:
    from pipelines.executors import Executor


@command("detect-artifacts", short_help="Find where a GAN's results break.")
@click.argument("sources", metavar="[LR]...", type=PATH, nargs=-1)
@click.option(
    "--mse",
    type=PATH,
    required=True,
    help="Weights trained by pixels alone, or a folder of their results.",
)
@click.option("--gan", type=PATH, required=True, help="The GAN's weights, or its results.")
@click.option(
    "--out",
    type=PATH,
    default=Path("artifacts"),
    show_default=True,
    help="Folder for masks, overlays and artifacts.csv.",
)
@click.option(
    "--clean",
    type=PATH,
    multiple=True,
    help="Of these LR photos or results that show no artefacts: they calibrate; may be repeated.",
)
@click.option("--labels", type=PATH, default=None, help="Folder of label maps: gray PNG, 0 to 149.")
@click.option("--segmenter", type=PATH, default=None, help="ONNX network that makes them.")
@click.option(
    "--classes",
    type=PATH,
    default=None,
    help="Text file with a class's name in each line.  [default: ADE20K's 150]",
)
@click.option(
    "--truth", type=PATH, default=None, help="Folder of masks, white where people see artefacts."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.7,
    show_default=True,
    help="Similarity of texture below which a pixel is flagged.",
)
@click.option(
    "--min-area",
    type=click.IntRange(0),
    default=4000,
    show_default=True,
    help="Areas of so many pixels or fewer are dropped.",
)
@click.option("--maps", is_flag=True, help="Write every map on the way, too.")
@click.option("--overwrite", is_flag=True, help="Replace files that are no earlier results, too.")
@click.option(
    "--max-memory",
    metavar="GIB",
    type=click.FloatRange(0, min_open=True),
    default=None,
    help="For a tile at work.  [default: 2; on a GPU 70 % of what is free]",
)
@device_option
@executor_options
@max_pixels_option
def detect_artifacts(executor: Executor | None, **options: Any) -> None:
    """Find where a GAN's results have texture that an MSE network's do not bear out (DeSRA).

    Give LR photos and the weights of both networks, or two folders of results of the same photos.
    Areas are flagged, ranked by how visible they are, and drawn over the GAN's results.
    """
    from pipelines.artifacts.detect import ArtifactsConfig, find_artifacts

    config = ArtifactsConfig(**options)
    with progress_bar("detect-artifacts", "steps") as progress:
        report = find_artifacts(config, executor=executor, on_progress=progress)
    finish(report)
