"""Numbers that options take: finite, and such as somebody may mean."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from degrade.errors import InvalidValueError, printable
from degrade.geometry import Ratio, Scale, as_scale

if TYPE_CHECKING:
    from degrade.kernels.regions import RegionGrid

__all__ = ["MEASURED_SCALE", "NETWORK_SCALE", "REGIONS", "SCALE", "bound_numbers"]

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
    return kind


class _Finite(click.FloatRange):
    """A float that is a number; to click, "nan" is one in any range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number) or abs(number) > _MOST:
            self.fail(f"{value} is no finite number of at most 2^53", param, ctx)
        return number


class _Whole(click.IntRange):
    """An integer that files of any format hold."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if abs(number) > _MOST:
            self.fail(
                f"{value} is larger than 2^53, beyond which numbers in files blur", param, ctx
            )
        return number


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
    "networks enlarge by whole factors, from 1 to 8: give that of the weights, and make their "
    "results smaller where another one is wanted",
)
"""The type of an option that says by what weights enlarge."""

MEASURED_SCALE = _WholeScale(
    2,
    4,
    "kernels are measured by networks for 2, 3 and 4, of which the nearest reads photos at other "
    "scales: give one of them",
)
"""The type of an option that says at which scale measurements are tested."""
