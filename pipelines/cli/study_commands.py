"""``degrade study make``, ``serve`` and ``results``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pipelines.cli.common import (
    PATH,
    finish,
    jobs_option,
    max_pixels_option,
    progress_bar,
    seed_option,
)
from pipelines.cli.help_pages import HelpfulCommand

_study_argument = click.argument("study", metavar="STUDY", type=PATH)


class _NamedFolder(click.ParamType[Any]):
    """A folder, and what it is called here: NAME=DIR."""

    name = "NAME=DIR"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Path]:
        if isinstance(value, tuple):
            return value
        name, sign, folder = str(value).partition("=")
        if not (name and sign and folder):
            named = folder or name or "out/"
            what = f"must be NAME=DIR, such as mine={named}, got {value}"
            self.fail(what, param, ctx)
        return name, Path(folder)


@click.group("study", short_help="Let people judge results: mean opinion scores, or pairs.")
def study() -> None:
    """Let people judge results: mean opinion scores, or pairs."""


@study.command("make", cls=HelpfulCommand)
@_study_argument
@click.option(
    "--kind",
    type=click.Choice(["mos", "pairs"]),
    required=True,
    help="mos: each result gets a score from 1 to 5. pairs: two results, which is better?",
)
@click.option(
    "--results",
    type=_NamedFolder(),
    multiple=True,
    required=True,
    help="A method's results, such as mine=out/; repeated for each method.",
)
@click.option("--reference", type=PATH, default=None, help="HR of the same size.")
@click.option("--lr", type=PATH, default=None, help="What results were made of, shown beside them.")
@click.option(
    "--show-reference",
    is_flag=True,
    help="Show HR beside results. Else it is scored like a method (mos), or not seen (pairs).",
)
@click.option(
    "--question",
    "questions",
    multiple=True,
    help="What is asked instead of the usual; for pairs it may be repeated.",
)
@click.option(
    "--per-rater",
    type=click.IntRange(1),
    default=None,
    help="Scores or pairs that a rater is asked for.  [default: all]",
)
@click.option(
    "--check-every",
    type=click.IntRange(0),
    default=15,
    show_default=True,
    help="A check of attention for so many; 0: none.",
)
@seed_option
@jobs_option
@max_pixels_option
def make(jobs: int | None, **options: Any) -> None:
    """Prepare results of several methods to be judged by people who do not see the methods.

    Results of one image have one name, but for marks such as x4, and one size. STUDY is a new
    folder.
    """
    from pipelines.executors import make_executor
    from pipelines.study.make import MakeStudyConfig, make_study

    config = MakeStudyConfig(**options)
    executor = None if jobs is None else make_executor(jobs)
    with progress_bar("study make", "images") as progress:
        report = make_study(config, executor=executor, on_progress=progress)
    finish(report)


@study.command("serve", cls=HelpfulCommand)
@_study_argument
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0: any."
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0: a free one."
)
@click.option(
    "--name",
    "names",
    multiple=True,
    help="A further name by which browsers call it, such as a proxy's; may be repeated. The link "
    "has the first, and a token.",
)
@click.option(
    "--token",
    default="",
    help="What the link must have.  [default: one is made, unless only this machine can connect "
    "and there is no --name]",
)
def serve(**options: Any) -> None:
    """Serve a study to raters' browsers until Ctrl-C.

    The link for raters is printed. Votes are on the disk before they are confirmed; given again,
    the command goes on, and so does every rater.
    """
    from pipelines.study.serve import ServeStudyConfig, serve_study

    def ready(address: str) -> None:
        click.echo(f"degrade: raters open {address} (Ctrl-C ends)", err=True)

    def fault(line: str) -> None:
        click.echo(f"degrade: {line}", err=True)

    finish(serve_study(ServeStudyConfig(**options), on_ready=ready, on_fault=fault))


@study.command("results", cls=HelpfulCommand)
@_study_argument
@click.option(
    "--drop-failing", is_flag=True, help="Leave out raters who fail the checks of attention."
)
@click.option("--csv", type=PATH, metavar="FILE", default=None, help="Write all votes here.")
@click.option("--sheet", type=PATH, default=None, help="Draw the results into this file, NAME.png.")
@click.option(
    "--overwrite", is_flag=True, help="Replace files that are no earlier table or sheet, too."
)
def results(**options: Any) -> None:
    """Tell what raters say of methods, with intervals, and which raters are doubtful.

    Scores are freed of raters' biases (ITU-T P.910); pairs are fitted by Davidson's model, which
    knows ties. As JSON: degrade --report FILE study results STUDY.
    """
    from pipelines.study.results import StudyResultsConfig, study_results

    finish(study_results(StudyResultsConfig(**options)))
