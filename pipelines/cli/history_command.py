"""``degrade history``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.common import (
    PATH,
    executor_options,
    finish,
    max_pixels_option,
    pool_option,
    progress_bar,
    sources_argument,
)
from pipelines.cli.help_pages import command

if TYPE_CHECKING:
    from pipelines.executors import Executor


@command("history", short_help="Tell what was done to photos before.")
@sources_argument
@click.option("--csv", type=PATH, metavar="FILE", default=None, help="Write the table here too.")
@click.option(
    "--picture",
    "--sheet",
    type=PATH,
    metavar="FILE",
    default=None,
    help="Draw it into this file, NAME.png.",
)
@pool_option(help="Keep what is found here, so that a run that was stopped goes on.")
@click.option(
    "--overwrite", is_flag=True, help="Replace files that are no earlier table or picture, too."
)
@executor_options
@max_pixels_option
def history(executor: Executor | None, sources: tuple[Path, ...], **options: Any) -> None:
    """Tell what was done to each photo before: a table, and what concerns all of them.

    SRC are photos, folders of photos, or JSONL manifests. Told is the camera, how the file was
    compressed, whether the photo was enlarged before and by how much, how wide its edges are and
    how they were sharpened, motion, noise, clipping, and which photos are the same. What a photo
    cannot tell is said with the reason; that no enlargement is seen does not rule one out.
    """
    from pipelines.history.photo_history import HistoryConfig, photo_history

    config = HistoryConfig(sources=sources, **options)
    with progress_bar("history", "photos") as progress:
        report = photo_history(config, executor=executor, on_progress=progress)
    finish(report)
