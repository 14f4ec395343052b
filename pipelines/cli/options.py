"""Settings, as the rest of the code calls them, in the words of the command line.

Messages outside of ``pipelines.cli`` name settings in backquotes: raise `max_pixels`, use
`hr_size=64`. Whoever calls a function reads that as it is; here it becomes what a user types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

__all__ = ["as_options"]

_SETTING = re.compile(r"`([a-z][a-z0-9_]*)(?:=([^`]*))?`")
_CHANGE = "--set"


def as_options(text: str, commands: Iterable[click.Command]) -> str:
    """Return a text with each setting as the option of one of these commands that sets it.

    What none of them has is a setting of ``--set``, where a command has that; else it stays.
    """
    options = {
        parameter.name: parameter
        for command in commands
        for parameter in command.params
        if isinstance(parameter, click.Option)
    }
    has_set = any(_CHANGE in option.opts for option in options.values())

    def say(match: re.Match[str]) -> str:
        name, value = match.groups()
        option = options.get(name)
        if option is None:
            return _as_change(name, value) if has_set else match[0]
        flag = max(option.opts, key=len)
        if option.is_flag:
            return flag if value != "False" else (option.secondary_opts or [f"no {flag}"])[0]
        return flag if value is None else f"{flag} {value}"

    return _SETTING.sub(say, text)


def _as_change(name: str, value: str | None) -> str:
    return f"{_CHANGE} {name}={'…' if value is None else value}"
