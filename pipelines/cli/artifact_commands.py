"""``degrade detect-artifacts`` and ``degrade finetune-artifacts``."""

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
    mirror_option,
    seed_option,
)
from pipelines.cli.help_pages import command
from pipelines.cli.progress import showing_progress

if TYPE_CHECKING:
    from pipelines.executors import Executor


_threshold_option = click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.7,
    show_default=True,
    help="Similarity of texture below which a pixel is flagged.",
)
_min_area_option = click.option(
    "--min-area",
    type=click.IntRange(0),
    default=4000,
    show_default=True,
    help="Areas of so many pixels or fewer are dropped.",
)
_memory_option = click.option(
    "--max-memory",
    metavar="GIB",
    type=click.FloatRange(0, min_open=True),
    default=None,
    help="For a tile at work.  [default: 2; on a GPU 70 % of what is free]",
)


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
    "-o",
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
    "--mse-name",
    metavar="TEMPLATE",
    default=None,
    help="How MSE results are called, such as {name}_psnr, {name} being the GAN's.  [default: as "
    "import-pairs pairs names, or by their common endings]",
)
@_threshold_option
@_min_area_option
@mirror_option
@click.option("--maps", is_flag=True, help="Write every map on the way, too.")
@click.option("--overwrite", is_flag=True, help="Replace files that are no earlier results, too.")
@_memory_option
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
    if config.sources:
        # Networks need torch, which takes seconds to load: what a command loads, Ctrl-C ends.
        import pipelines.artifacts.enlarging  # noqa: F401
    with (
        showing_progress("enlarge", "px", silent=not config.sources) as enlarge,
        showing_progress("detect-artifacts", "images") as progress,
    ):
        report = find_artifacts(
            config,
            executor=executor,
            on_enlarge=enlarge.advance,
            on_progress=progress.advance,
        )
    finish(report)


@command("finetune-artifacts", short_help="Tune a GAN until its results break less.")
@click.argument("sources", metavar="LR...", type=PATH, nargs=-1, required=True)
@click.option(
    "--mse", type=PATH, required=True, help="Weights of a network trained by pixels alone."
)
@click.option("--gan", type=PATH, required=True, help="The GAN's weights, which are tuned.")
@click.option(
    "-o",
    "--out",
    type=PATH,
    default=Path("tuned"),
    show_default=True,
    help="Folder for the weights, the table, the picture and what they come of.",
)
@click.option(
    "--held-out",
    type=PATH,
    multiple=True,
    help="LR photos that decide when to stop, and are not tuned on; may be repeated.  [default: a "
    "third of those with artefacts]",
)
@click.option(
    "--clean",
    type=PATH,
    multiple=True,
    help="LR photos whose results show no artefacts: they calibrate; may be repeated.",
)
@click.option(
    "--pairs",
    type=PATH,
    default=None,
    help="Pairs: what the GAN makes of up to 200 of their LR images is kept, too.",
)
@click.option(
    "--set",
    "settings",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change a setting of the training, such as learning_rate=5e-5.",
)
@click.option(
    "--steps", type=click.IntRange(1), default=None, help="At most so many.  [default: 800]"
)
@click.option(
    "--save-every",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Steps between validations; after ten that are no better tuning ends.",
)
@click.option(
    "--share",
    type=click.IntRange(2),
    default=4,
    show_default=True,
    help="Of so many crops one is around a flagged area, the others where nothing is flagged.",
)
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1),
    default=0.05,
    show_default=True,
    help="By what share the energy of texture may change where nothing was flagged.",
)
@_threshold_option
@_min_area_option
@mirror_option
@click.option(
    "--max-minutes",
    type=click.FloatRange(0, min_open=True),
    default=None,
    help="Finish the step, save and end after so long.",
)
@_memory_option
@device_option
@seed_option
@max_pixels_option
def finetune_artifacts(**options: Any) -> None:
    """Teach a GAN to leave out what breaks, on a few LR photos of your own (DeSRA).

    Both networks enlarge the photos; where the GAN's result is flagged, what is wrong is taken from
    the MSE network's, and the GAN is tuned on that. Photos that are held out tell when to stop and
    what came of it. The same command again goes on where it was stopped.
    """
    from pipelines.artifacts.finetune import FinetuneConfig, finetune_artifacts

    config = FinetuneConfig(**options)
    with (
        showing_progress("enlarge", "px") as enlarge,
        showing_progress("finetune-artifacts", "steps") as progress,
    ):
        report = finetune_artifacts(
            config,
            on_enlarge=enlarge.advance,
            on_progress=progress.advance,
            on_losses=progress.note,
            on_stage=progress.tell,
        )
    finish(report)
