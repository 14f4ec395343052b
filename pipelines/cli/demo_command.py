"""``degrade demo``."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli.common import PATH, finish, jobs_option, progress_bar, seed_option
from pipelines.cli.help_pages import command

if TYPE_CHECKING:
    from pipelines.shared.reports import ProgressCallback


@command("demo", short_help="Run the whole chain on embedded photos.")
@click.option(
    "-o", "--out", type=PATH, default=Path("demo"), show_default=True, help="Output folder."
)
@seed_option
@jobs_option
def demo(out: Path, seed: int, jobs: int | None) -> None:
    """Run the whole chain on embedded photos and draw a picture; no download, a few minutes."""
    from pipelines.demo.run_demo import DemoConfig, run_demo
    from pipelines.executors import make_executor

    with contextlib.ExitStack() as bars:

        def stage(label: str) -> ProgressCallback:
            bars.close()  # the bar of the stage before
            click.echo(f"demo: {label}")
            return bars.enter_context(progress_bar(label, "steps"))

        report = run_demo(
            DemoConfig(out=out, seed=seed), executor=make_executor(jobs), on_stage=stage
        )
    finish(report)
