"""``degrade export`` and ``import-pairs``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.cli.common import (
    PATH,
    PLACE,
    finish,
    jobs_option,
    max_pixels_option,
    out_argument,
    pool_option,
    progress_bar,
    refuse_memory,
)
from pipelines.cli.help_pages import command
from pipelines.cli.numbers import SCALE
from pipelines.cli.table_options import TableOption, store_option


def _export_formats() -> dict[str, str]:
    from degrade.exchange import EXPORT_FORMATS

    return {row.name: row.readers for row in EXPORT_FORMATS.values()}


@command("export", short_help="Write pairs in the format of another trainer.")
@click.argument("pairs", type=PATH)
@out_argument
@click.option("--to", "format", required=True, cls=TableOption, rows=_export_formats)
@click.option(
    "--allow-clean-lr",
    is_flag=True,
    help="Export pairs of --noise defer, whose LR has no noise.",
)
@pool_option(
    help="Where the pool of the pairs is now, for KAIR's kernels.mat.  [default: where it was]"
)
@jobs_option
def export(jobs: int | None, **options: Any) -> None:
    """Write PAIRS to OUT in the format that another trainer reads, with option files for it.

    An interrupted export is finished when the same command is given again; export.json in OUT says
    that it is complete.
    """
    from pipelines.executors import make_executor
    from pipelines.exports.export_pairs import ExportConfig, export_pairs

    with progress_bar("export", "pairs") as progress:
        report = export_pairs(
            ExportConfig(**options), executor=make_executor(jobs), on_progress=progress
        )
    finish(report)


@command("import-pairs", short_help="Turn HR and LR images into pairs.")
@click.option("--hr", type=PATH, required=True, help="Folder or manifest of HR images.")
@click.option("--lr", type=PATH, required=True, help="Folder or manifest of LR images.")
@click.option(
    "-o",
    "--out",
    type=PLACE,
    default=Path("pairs"),
    show_default=True,
    help="Output folder, or a URL.",
)
@store_option
@click.option(
    "--scale",
    type=SCALE,
    default=None,
    help="HR size over LR size; of several LR images the one named for it.  "
    "[default: what most of the images have]",
)
@click.option(
    "--lr-name",
    metavar="TEMPLATE",
    default=None,
    help="What LR images are called, such as '{name}x4m' or '{name}x{scale}'; with a / the path "
    "below the LR folder.  [default: as in the field's sets]",
)
@click.option("--all-variants", is_flag=True, help="Make a pair of each LR image of an HR image.")
@jobs_option
@max_pixels_option
def import_pairs(jobs: int | None, **options: Any) -> None:
    """Turn folders of HR and LR images into pairs that train, verify and export read.

    Images belong together when their names are equal but for the file type, capitals and the marks
    of the field's sets, at the ends of names and in folders: x4, _x4, X4, x4m, _LR, _LR4,
    _LRBI_x4, _bicLRx4, LR_, _HR, _GT, _LQ (docs/names.md has the sets). One folder may hold both
    sides. Where several would do, all of them are rejected by name.
    """
    from pipelines.executors import make_executor
    from pipelines.pairs.import_pairs import ImportPairsConfig
    from pipelines.pairs.import_pairs import import_pairs as run

    config, executor = ImportPairsConfig(**options), make_executor(jobs)
    refuse_memory(config.out, executor)
    with progress_bar("import-pairs", "shards") as progress:
        report = run(config, executor=executor, on_progress=progress)
    finish(report)
