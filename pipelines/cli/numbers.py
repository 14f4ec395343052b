"""Numbers and words that options take: finite, and such as somebody may mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from degrade.errors import InvalidValueError, printable
from degrade.geometry import Ratio, Scale, as_scale
from pipelines.cli.usage import nearest

if TYPE_CHECKING:
    from degrade.kernels.regions import RegionGrid

__all__ = ["MEASURED_SCALE", "NETWORK_SCALE", "REGIONS", "SCALE", "OneOf", "bound_numbers"]

_ALSO = {"jpg": "jpeg", "tif": "tiff"}
"""What people type for a word that an option takes."""

_MOST = 2**53
"""As far as every reader of our files holds integers exactly."""


class _ScaleType(click.ParamType[Any]):
    """HR size over LR size: 4, 2.5 or 7/3."""

    name = "scale"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Scale:
        if isinstance(value, int | Ratio):
            return value
        try:
            return as_scale(value)
        except InvalidValueError as error:
            self.fail(str(error), param, ctx)


class _RegionsType(click.ParamType[Any]):
    """Rows by columns: 3x3."""

    name = "RxC"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> RegionGrid:
        from degrade.kernels.regions import RegionGrid  # loads more than the command line needs

        if isinstance(value, RegionGrid):
            return value
        try:
            return RegionGrid.parse(str(value))
        except InvalidValueError as error:
            self.fail(str(error), param, ctx)


REGIONS = _RegionsType()
"""The type of an option that divides photos."""

SCALE = _ScaleType()
"""The type of an option that takes any scale."""


def bound_numbers(command: click.Command) -> None:
    """Let the options of a command, or of a group's commands, refuse numbers of no use."""
    for parameter in command.params:
        parameter.type = _bounded(parameter.type)
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        bound_numbers(inner)


def _bounded(kind: Any) -> Any:
    if isinstance(kind, click.FloatRange):
        return _Finite(kind.min, kind.max, kind.min_open, kind.max_open, kind.clamp)
    if isinstance(kind, click.IntRange) and not isinstance(kind, _Whole):
        return _Whole(kind.min, kind.max, kind.min_open, kind.max_open, kind.clamp)
    if isinstance(kind, click.Choice) and not isinstance(kind, OneOf):
        return OneOf(kind.choices, kind.case_sensitive)
    return kind


def _span(kind: click.FloatRange | click.IntRange) -> str:
    """Return in words from where to where the numbers of an option go."""
    least = None if kind.min is None else f"{kind.min:g}"
    most = None if kind.max is None else f"{kind.max:g}"
    if kind.min_open or kind.max_open:
        parts = [
            "" if least is None else f"{'above' if kind.min_open else 'of at least'} {least}",
            "" if most is None else f"{'below' if kind.max_open else 'at most'} {most}",
        ]
        return " " + " and ".join(filter(None, parts))
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if least is not None:
        return f" of at least {least}"
    return f" of at most {most}" if most is not None else ""


def _got(value: Any) -> str:
    return f"got {printable(str(value))[:40] or 'nothing'}"


class _Finite(click.FloatRange):
    """A float that is a number; to click, "nan" is one in any range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter:
            number = math.nan
        if not math.isfinite(number) or abs(number) > _MOST:
            self.fail(f"must be a number{_span(self)}, {_got(value)}", param, ctx)
        return number


class _Whole(click.IntRange):
    """An integer that files of any format hold."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            number = super().convert(value, param, ctx)
        except click.BadParameter:
            number = None
        if number is None:
            self.fail(f"must be a whole number{_span(self)}, {_got(value)}", param, ctx)
        if abs(number) > _MOST:
            self.fail(
                f"must be at most 2^53, beyond which numbers in files blur, {_got(value)}",
                param,
                ctx,
            )
        return number


class OneOf(click.Choice[Any]):
    """One of some words; of any other it is said which they are."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the word, also for one that people type for it."""
        known = [str(choice) for choice in self.choices]
        if value not in known and _ALSO.get(value) in known:
            return _ALSO[value]
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            what = f"must be one of {', '.join(known)}, {_got(value)}"
            self.fail(f"{what}{nearest(str(value), known)}", param, ctx)


class _WholeScale(_Whole):
    """A scale of a few whole ones; of any other it is said what to do."""

    name = "scale"

    def __init__(self, least: int, most: int, why: str) -> None:
        super().__init__(least, most)
        self._why = why

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{self._why}, got {printable(str(value))[:40] or 'nothing'}", param, ctx)


NETWORK_SCALE = _WholeScale(
    1,
    8,
    "must be a whole number from 1 to 8, as networks enlarge: give that of the weights, and make "
    "their results smaller where another one is wanted",
)
"""The type of an option that says by what weights enlarge."""

MEASURED_SCALE = _WholeScale(
    2,
    4,
    "must be 2, 3 or 4: kernels are measured by networks for these, of which the nearest reads "
    "photos at other scales",
)
"""The type of an option that says at which scale measurements are tested."""
