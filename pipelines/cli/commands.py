"""``degrade``: the group of all commands.

Nothing heavy is imported before a command runs, so ``degrade --help`` answers at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

import degrade
from degrade.disk.processes import keep_freed_memory
from degrade.errors import InvalidValueError
from pipelines.cli.artifact_commands import detect_artifacts, finetune_artifacts
from pipelines.cli.common import PATH, CommandGroup
from pipelines.cli.demo_command import demo
from pipelines.cli.ends import say_failure
from pipelines.cli.evaluation_commands import evaluate, selftest
from pipelines.cli.exchange_commands import export, import_pairs
from pipelines.cli.fingerprint_command import fingerprint
from pipelines.cli.history_command import history
from pipelines.cli.manifest_commands import manifest
from pipelines.cli.matching_commands import audit, diff, match, prove
from pipelines.cli.model_commands import convert, export_model
from pipelines.cli.pair_commands import build_pairs, replay, verify
from pipelines.cli.pool_commands import build_pool, estimate_kernels, extract_noise
from pipelines.cli.pool_file_commands import import_kernels, import_noise, inspect
from pipelines.cli.recipe_commands import recipe
from pipelines.cli.report_command import report as report_command
from pipelines.cli.study_commands import study
from pipelines.cli.training_commands import train
from pipelines.cli.upscale_command import upscale

__all__ = ["main"]


def _tell_version(ctx: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from degrade.compiled import compiled_form

        try:
            form = compiled_form() or "none"
        except InvalidValueError as error:  # before there is a command whose end is told
            sys.exit(say_failure(error))
        click.echo(f"degrade {degrade.__version__}, compiled code: {form}")
        ctx.exit()


@click.group("degrade", cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version, and which form of the compiled code is used; then exit.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option(
    "--report",
    type=PATH,
    metavar="FILE",
    help="Write what the command did and found there too, as JSON; - is standard output.",
)
def main(debug: bool, report: Path | None) -> None:
    """Real-world degradation data for image super-resolution.

    Measure what a camera does (estimate-kernels, extract-noise), keep it in a pool, and make
    LR/HR training pairs that share it (build-pairs).

    Exit codes: 0 all done; 3 finished, some inputs rejected; 1 fatal; 2 usage; 130 and 143 stopped
    by a signal.
    """
    keep_freed_memory()
    if "DEGRADE_COMPILED" in os.environ:
        from degrade.compiled import compiled_form

        compiled_form()  # refuses a word that it does not know, before any photo meets it
    if report is not None:
        from pipelines.shared.reports import check_report_path

        check_report_path(report)


for _command in (
    demo,
    history,
    build_pool,
    estimate_kernels,
    extract_noise,
    import_kernels,
    import_noise,
    inspect,
    report_command,
    fingerprint,
    build_pairs,
    recipe,
    verify,
    replay,
    match,
    audit,
    prove,
    diff,
    evaluate,
    selftest,
    import_pairs,
    export,
    train,
    upscale,
    detect_artifacts,
    finetune_artifacts,
    study,
    convert,
    export_model,
    manifest,
):
    main.add_command(_command)
