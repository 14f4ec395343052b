"""Settings, as the rest of the code calls them, in the words of the command line.

Messages outside of ``pipelines.cli`` name settings in backquotes: raise `max_pixels`, use
`hr_size=64`; and whole commands: `degrade build-pool SRC pool=pool/`. A setting that is wrong
begins its sentence: hr_size must be …. Whoever calls a function reads that as it is; here it
becomes what a user types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import click

__all__ = ["as_options", "options_of"]

_QUOTED = re.compile(r"(?<!\\)`((?:\\`|[^`\n])+)`")
_COMMAND = re.compile(r"degrade ([a-z-]+)(.*)")
# A value is a word of a shell: a quoted one may hold blanks.
_SETTING = re.compile(r"(?<![\w=])([a-z][a-z0-9_]*)=((?:'[^']*'|\"[^\"]*\"|[^\s'\"])*)")
_WRONG = re.compile(r"([a-z][a-z0-9_]*)(?= must )")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CHANGE = "--set"

Options = Mapping[str, click.Option]


def options_of(commands: Iterable[click.Command]) -> dict[str, click.Option]:
    """Return the options of commands by the names of the settings that they set."""
    return {
        parameter.name: parameter
        for command in commands
        for parameter in command.params
        if isinstance(parameter, click.Option) and parameter.name
    }


def as_options(
    text: str,
    commands: Iterable[click.Command],
    others: Mapping[str, click.Command] | None = None,
) -> str:
    """Return a text with each setting in backquotes as the option that sets it.

    Parameters
    ----------
    text : str
    commands : iterable of Command
        The one that runs; settings of none of them become ``--set`` where one has that, and stay
        as they are elsewhere.
    others : mapping of str to Command or None
        All commands by name, for texts that name another one.
    """
    options = options_of(commands)

    def say(match: re.Match[str]) -> str:
        inner = match[1]
        called = _COMMAND.fullmatch(inner)
        if called is not None:
            other = (others or {}).get(called[1])
            return inner if other is None else _all_settings(inner, options_of([other]))
        if _NAME.fullmatch(inner):
            return _option(inner, None, options) or match[0]
        setting = _SETTING.fullmatch(inner)
        return match[0] if setting is None else _option(setting[1], setting[2], options) or match[0]

    said = _QUOTED.sub(say, text)
    wrong = _WRONG.match(said)
    if wrong is not None and wrong[1] in options:
        said = f"{_option(wrong[1], None, options)}{said[wrong.end() :]}"
    return said.replace(r"\`", "`")  # those that are no marks; see degrade.errors.printable


def _all_settings(text: str, options: Options) -> str:
    return _SETTING.sub(lambda found: _option(found[1], found[2], options) or found[0], text)


def _option(name: str, value: str | None, options: Options) -> str | None:
    """Return what a user types to set this; None when there is no such option."""
    option = options.get(name)
    if option is None:
        has_set = any(_CHANGE in other.opts for other in options.values())
        return f"{_CHANGE} {name}={'…' if value is None else value}" if has_set else None
    flag = max(option.opts, key=len)
    if option.is_flag:
        return option.secondary_opts[0] if value == "False" and option.secondary_opts else flag
    return flag if value is None else f"{flag} {value}"
