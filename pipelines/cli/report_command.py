"""``degrade report``."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.common import PATH, finish, progress_bar
from pipelines.cli.help_pages import command

__all__ = ["report"]


@command("report", short_help="Make a page of a pool, pairs, a training, areas or a report.")
@click.argument("sources", metavar="WHAT...", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", type=PATH, required=True, help="The page to write, NAME.html.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is no earlier page, too.")
def report(sources: tuple[Path, ...], out: Path, overwrite: bool) -> None:
    """Make one HTML page, which needs nothing else, of what there is.

    WHAT are pools, fingerprints, pairs, trainings, studies, what detect-artifacts has written, and
    the JSON that degrade --report FILE writes, such as an audit's. Kernels, noise by brightness,
    the photos' history, pairs with a slider and their plans, curves, what raters say, flagged
    areas, and what was refused; tables can be sorted and searched. What is damaged is named, and
    the rest is shown.
    """
    from pipelines.reporting.make_report import ReportConfig, make_report

    config = ReportConfig(sources=sources, out=out, overwrite=overwrite)
    with progress_bar("report", "things") as progress:
        found = make_report(config, on_progress=progress)
    finish(found)
