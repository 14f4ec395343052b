"""Options whose values are the rows of a table; the table is imported when the option is used.

So ``degrade --help`` stays quick, and a new row is offered without a change of a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import click

from pipelines.cli.numbers import OneOf

__all__ = ["RowName", "TableOption", "store_option"]

F = TypeVar("F", bound=Callable[..., Any])

Rows: TypeAlias = Callable[[], Mapping[str, str]]
"""Returns what each name stands for, for people."""

Names: TypeAlias = Callable[[], Iterable[str]]


class RowName(click.ParamType):  # type: ignore[type-arg]
    """The name of a row, for options whose help does not say what each is."""

    name = "name"

    def __init__(self, rows: Names) -> None:
        self.rows = rows

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return the names, as click shows choices."""
        return f"[{'|'.join(self.rows())}]"

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """Return what could be given."""
        return f"Choose from: {', '.join(self.rows())}"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the name if there is such a row."""
        return OneOf(tuple(self.rows())).convert(value, param, ctx)


class TableOption(click.Option):
    """An option that takes the name of a row and whose help says what each is."""

    def __init__(self, names: Sequence[str], *, rows: Rows, **settings: Any) -> None:
        super().__init__(names, **settings | {"type": RowName(rows)})
        self._rows = rows
        self._intro = self.help or ""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option and its help, in which rows with the same words stand together."""
        names: dict[str, list[str]] = {}
        for name, words in self._rows().items():
            names.setdefault(words, []).append(name)
        parts = [f"{', '.join(same)}: {words}." for words, same in names.items()]
        self.help = " ".join([self._intro, *parts]).strip()
        return super().get_help_record(ctx)


def _stores() -> dict[str, str]:
    from degrade.pairs import STORES

    return {row.name: row.words for row in STORES.values()}


def store_option(function: F) -> F:
    """Add --format: how pairs are stored."""
    return click.option(
        "--format",
        cls=TableOption,
        rows=_stores,
        default="hdf5",
        show_default=True,
        help="How pairs are stored.",
    )(function)
