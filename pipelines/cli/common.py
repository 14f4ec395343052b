"""What the commands share: options, the progress bar, and how errors become exit codes."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from degrade.errors import DegradeError, line_of
from degrade.limits import MAX_PIXELS, MOST_MIRRORED
from pipelines.cli.ends import (
    exit_code,
    interrupt_behind,
    one_line,
    require_memory,
    say_failure,
)
from pipelines.cli.numbers import bound_numbers
from pipelines.cli.options import as_options
from pipelines.cli.progress import showing_progress
from pipelines.cli.usage import in_one_line
from pipelines.shared.interrupts import ending_by_signals
from pipelines.shared.speech import said, speaking

if TYPE_CHECKING:
    from pipelines.executors import Executor
    from pipelines.shared.reports import ProgressCallback, RunReport

__all__ = [
    "PATH",
    "PLACE",
    "CommandGroup",
    "device_option",
    "executor_options",
    "finish",
    "jobs_option",
    "max_pixels_option",
    "mirror_option",
    "out_argument",
    "pool_option",
    "progress_bar",
    "refuse_memory",
    "seed_option",
    "sources_argument",
]

_REPORTED = "degrade.reported"

F = TypeVar("F", bound=Callable[..., Any])


class _PathType(click.Path):
    """A path that is not empty: ``--out "$UNSET"`` must not come to mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in ("", b""):
            self.fail("the path is empty; for the current folder give .", param, ctx)
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            if "is not readable" not in error.message:
                raise
            place = line_of(os.fsdecode(value))
            self.fail(f"{place} cannot be read; ask for the permission", param, ctx)


class _PlaceType(_PathType):
    """A path, or a URL, which stays a text: a path would make one slash of its two."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and "://" in value:
            return value
        return super().convert(value, param, ctx)


PATH = _PathType(path_type=Path)
PLACE = _PlaceType(path_type=Path)


class CommandGroup(click.Group):
    """A group whose commands end with one clear line and an exit code, never a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the work, not of the alphabet."""
        return list(self.commands)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command; its options refuse numbers that nobody means."""
        bound_numbers(cmd)
        super().add_command(cmd, name)

    def make_context(self, *args: Any, **settings: Any) -> click.Context:
        """Read the options before the command; what cannot be meant is told in one line."""
        with in_one_line():
            return super().make_context(*args, **settings)

    def main(self, *args: Any, **settings: Any) -> Any:
        """Run the command line; also of what is printed before a command runs the end is clear."""
        try:
            return super().main(*args, **settings)
        except OSError as error:
            sys.exit(say_failure(error))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; turn what it raises into a line on stderr and an exit code."""
        heard: list[int] = []
        try:
            with in_one_line(), ending_by_signals(heard), self._in_options():
                require_memory()
                value = super().invoke(ctx)
                _write_short_report(ctx, 0)
                return value
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BaseException as error:
            if ctx.params.get("debug") or isinstance(error, SystemExit | GeneratorExit):
                raise
            failure = interrupt_behind(error, heard) or error
            say = functools.partial(as_options, commands=self._called(ctx), others=self.commands)
            with speaking(say):
                _write_short_report(ctx, exit_code(failure), failure)
                sys.exit(say_failure(failure))

    def _called(self, ctx: click.Context) -> list[click.Command]:
        """Return this group and the command that was called, or all of the group that was."""
        command = self.get_command(ctx, ctx.invoked_subcommand or "")
        if isinstance(command, click.Group):
            return [self, *command.commands.values()]
        return [self] if command is None else [self, command]

    @contextlib.contextmanager
    def _in_options(self) -> Iterator[None]:
        """Let the files that a command writes for people name options."""

        def say(text: str) -> str:
            return as_options(text, [self, click.get_current_context().command], self.commands)

        with speaking(say):
            yield


def _write_short_report(ctx: click.Context, code: int, error: BaseException | None = None) -> None:
    """Write, for --report, how a command ended that has no report of its own, or not yet."""
    path = ctx.params.get("report")
    if path is None or ctx.meta.get(_REPORTED):
        return
    from pipelines.shared.reports import ReportedError, write_report

    found = error.report.to_json() if isinstance(error, ReportedError) else {}
    text = "" if error is None else said(one_line(error))
    values = {"job": ctx.invoked_subcommand, **found, "exit_code": code, "error": text}
    with contextlib.suppress(DegradeError):  # what is wrong with that file was said
        write_report(path, values)


def finish(report: RunReport) -> None:
    """Print a job's summary and rejects, and exit with its code unless that is 0."""
    context = click.get_current_context()
    root = context.find_root()
    others = root.command.commands if isinstance(root.command, click.Group) else {}
    say = functools.partial(as_options, commands=[root.command, context.command], others=others)
    path = root.params.get("report")
    # Standard output then is for programs alone.
    click.echo(say(report.summary()), err=path is not None and str(path) == "-")
    for line in report.reject_lines():
        click.echo(f"  {say(line)}", err=True)
    if path is not None:
        from pipelines.shared.reports import write_report

        write_report(path, report.to_json())
        root.meta[_REPORTED] = True
    if report.exit_code:
        sys.exit(report.exit_code)


@contextlib.contextmanager
def progress_bar(label: str, unit: str) -> Iterator[ProgressCallback]:
    """Yield a callback that shows how far a job is; ``unit`` in the plural."""
    with showing_progress(label, unit) as progress:
        yield progress.advance


def sources_argument(function: F) -> F:
    """Add SRC…: files, folders, manifests."""
    return click.argument("sources", metavar="SRC...", nargs=-1, required=True, type=PATH)(function)


def out_argument(function: Callable[..., None]) -> Callable[..., None]:
    """Add OUT, which may also be given as --out, as on the other commands."""

    @functools.wraps(function)
    def command(*args: Any, out_argument: Path | None, out: Path | None, **options: Any) -> None:
        if (out is None) == (out_argument is None):
            context = click.get_current_context()
            if out is None:
                what = f"needs OUT; {context.command_path} --help tells more"
                raise click.UsageError(f"{context.info_name} {what}")
            both = f"{line_of(out_argument or '')} and {line_of(out)}"
            raise click.UsageError(f"OUT is given twice: {both}; give one of them")
        function(*args, out=out or out_argument, **options)

    for add in (
        click.option("-o", "--out", type=PATH, default=None, help="OUT, by its name."),
        click.argument("out_argument", metavar="OUT", type=PATH, required=False),
    ):
        command = add(command)
    return command


def pool_option(**settings: Any) -> Callable[[F], F]:
    """Add --pool; ``settings`` are click's, such as ``required``."""
    settings = {"help": "Folder of the degradation pool.", **settings}
    return click.option("--pool", type=PATH, **settings)


def jobs_option(function: F) -> F:
    """Add --jobs."""
    return click.option(
        "--jobs",
        type=click.IntRange(1),
        default=None,
        help="Worker processes, one thread each.  [default: every core]",
    )(function)


def executor_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add --jobs, --backend and --scheduler; the command gets them as its argument ``executor``.

    It is None when the user has chosen none.
    """

    @functools.wraps(function)
    def command(
        *args: Any, jobs: int | None, backend: str, scheduler: str | None, **options: Any
    ) -> None:
        executor = _chosen_executor(jobs, backend, scheduler)
        if backend == "dask":  # a worker has another current folder
            options = {name: _absolute(value) for name, value in options.items()}
        function(*args, executor=executor, **options)

    for option in (
        click.option(
            "--scheduler",
            metavar="ADDRESS",
            default=None,
            help="With --backend dask: the scheduler's address, tcp://HOST:PORT.",
        ),
        click.option(
            "--backend",
            type=click.Choice(["local", "dask"]),
            default="local",
            show_default=True,
            help="Where the work is done: on this machine, or on the workers of a Dask cluster, "
            "which see the same files.",
        ),
        jobs_option,
    ):
        command = option(command)
    return command


def _absolute(option: Any) -> Any:
    if isinstance(option, tuple):
        return tuple(_absolute(part) for part in option)
    return option.absolute() if isinstance(option, Path) else option


def _chosen_executor(jobs: int | None, backend: str, scheduler: str | None) -> Executor | None:
    if backend == "local":
        if scheduler is not None:
            raise click.UsageError("--scheduler is Dask's: add --backend dask, or leave it out")
        if jobs is None:
            return None
        from pipelines.executors import make_executor

        return make_executor(jobs)
    if scheduler is None:
        raise click.UsageError("--backend dask needs --scheduler tcp://HOST:PORT")
    if jobs is not None:
        raise click.UsageError(
            "--jobs counts this machine's processes: leave it out, a Dask cluster has its workers"
        )
    from pipelines.executors import DaskExecutor
    from pipelines.executors.dask_client import connected

    executor = DaskExecutor(
        scheduler, on_wait=lambda text: click.echo(f"degrade: {text}", err=True)
    )
    with connected(scheduler):  # before a job writes anything: a wrong address leaves nothing
        return executor


def refuse_memory(out: Path | str, executor: Executor) -> None:
    """Refuse an output that only the process that writes it can see, when others are to write."""
    from pipelines.executors import InProcessExecutor

    if str(out).startswith("memory:") and not isinstance(executor, InProcessExecutor):
        raise click.UsageError(
            f"{line_of(out)}: each process has a memory of its own, so what workers write there "
            "is lost; give a folder, a URL such as s3://bucket/prefix, or --jobs 1"
        )


def seed_option(function: F) -> F:
    """Add --seed."""
    return click.option(
        "--seed",
        type=click.IntRange(0),
        default=0,
        show_default=True,
        help="The same seed gives the same result, whatever the number of workers.",
    )(function)


def device_option(function: F) -> F:
    """Add --device, for commands that compute with a network."""
    return click.option(
        "--device",
        default="auto",
        show_default=True,
        help="A torch device, such as cuda:1. auto: the GPU, if there is one.",
    )(function)


def mirror_option(function: F) -> F:
    """Add --mirror."""
    return click.option(
        "--mirror",
        type=click.IntRange(0, MOST_MIRRORED),
        default=0,
        show_default=True,
        help="Mirror photos on by so many LR pixels, and cut that away: against lines along edges.",
    )(function)


def max_pixels_option(function: F) -> F:
    """Add --max-pixels."""
    return click.option(
        "--max-pixels",
        type=click.IntRange(1),
        default=MAX_PIXELS,
        show_default=True,
        help="Reject larger photos before they are decoded.",
    )(function)
