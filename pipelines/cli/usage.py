"""What is said of a command line that cannot be meant: one line, as of any other error."""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator
from typing import IO, Any

import click
from click.exceptions import NoArgsIsHelpError

from degrade.errors import line_of

__all__ = ["PlainCommand", "in_one_line", "nearest"]

_WRONG = re.compile(r"[a-z][a-z0-9_]* (?=must )")
"""How a text of the jobs begins that names the setting, which is named as an option here."""


class _InOneLine(click.UsageError):
    """A usage error that is shown as one line on standard error."""

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"degrade: {line_of(self.message)}", file=file, err=file is None)


class PlainCommand(click.Command):
    """A command whose command line is told of by its own name, and that passes over no value."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; what cannot be meant is told of this command, not of its group."""
        try:
            values, _, given = self.make_parser(ctx).parse_args(args=list(args))
            rest = super().parse_args(ctx, args)
        except click.UsageError as error:
            error.ctx = error.ctx or ctx
            raise
        for param in dict.fromkeys(given):
            if isinstance(param, click.Option) and given.count(param) > 1:
                _tell_twice(param, values[str(param.name)])
        return rest


def _tell_twice(option: click.Option, last: Any) -> None:
    if not (option.multiple or option.is_flag or option.count):
        name = max(option.opts, key=len)
        click.echo(f"degrade: {name} is given twice, the last counts: {line_of(last)}", err=True)


@contextlib.contextmanager
def in_one_line() -> Iterator[None]:
    """Let usage errors be shown in one line: what is wrong, what was got, what to do."""
    try:
        yield
    except (_InOneLine, NoArgsIsHelpError):
        raise
    except click.UsageError as error:
        raise _InOneLine(_words(error), error.ctx) from None


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the question whether a known word was meant; empty where none is near."""
    plain = {name.lstrip("-"): name for name in known}  # dashes would make all options alike
    near = difflib.get_close_matches(word.lstrip("-").lower(), plain, n=1)
    return f"; did you mean {plain[near[0]]}?" if near else ""


def _words(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx is not None else "degrade"
    whose = _called(error.ctx) or "degrade"
    more = f"{path} --help tells more"
    if isinstance(error, click.MissingParameter):
        return f"{_missing(error)}; {more}"
    if isinstance(error, click.NoSuchOption):
        known = nearest(error.option_name, _options(error.ctx))
        return f"{whose} has no option {error.option_name}{known or f'; {more}'}"
    if isinstance(error, click.BadOptionUsage):
        needs = "needs a value" if "requires" in error.message else "takes no value"
        return f"{error.option_name} {needs}; {more}"
    if isinstance(error, click.BadParameter):
        name, text = _name(error), _without_stop(error.message)
        if name and _WRONG.match(text):
            text = _WRONG.sub("", text, count=1)
        return f"{name} {text}" if text.startswith("must ") else f"{name}: {text}" if name else text
    text = _without_stop(error.format_message())
    if text == "Missing command":
        return f"a command is missing; {more}"
    unknown = re.match(r"No such command '(.*?)'", text)
    if unknown is not None and error.ctx is not None:
        group = error.ctx.command
        known = nearest(unknown[1], group.commands if isinstance(group, click.Group) else ())
        return f"{whose} has no command {unknown[1]}{known or f'; {more}'}"
    extra = re.fullmatch(r"Got unexpected extra arguments? \((.*)\)", text, re.DOTALL)
    if extra is not None:
        return f"{whose} takes no more arguments, got {extra[1]}; {more}"
    return text


def _called(ctx: click.Context | None) -> str:
    """Return the name of a command, without that of the program."""
    names: list[str] = []
    while ctx is not None and ctx.parent is not None:
        names.insert(0, ctx.info_name or "")
        ctx = ctx.parent
    return " ".join(names)


def _without_stop(text: str) -> str:
    return re.sub(r"(?<=\S)\.$", "", text)


def _missing(error: click.MissingParameter) -> str:
    """Return what is missing; whose text a command has chosen says it itself."""
    if error.param is None or error.message or error.param_hint is not None:
        return _without_stop(error.format_message())
    return f"{_name(error)} is missing"


def _name(error: click.BadParameter) -> str:
    """Return what a person calls the parameter: --scale, SRC."""
    if isinstance(error.param, click.Option):
        return max(error.param.opts, key=len)
    if error.param is not None:
        return error.param.make_metavar(error.ctx).strip("[]").removesuffix("...")  # type: ignore[arg-type]
    return ""


def _options(ctx: click.Context | None) -> list[str]:
    params = [] if ctx is None else ctx.command.get_params(ctx)
    return [name for param in params for name in param.opts if name.startswith("--")]
