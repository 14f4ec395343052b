"""Ranges that recipes give, and numbers that are drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias, TypeVar

import msgspec

from degrade.degradation.steps.base import Chance
from degrade.errors import InvalidValueError

__all__ = [
    "OddSize",
    "OddSizes",
    "Range",
    "check_ascending",
    "check_odd",
    "choose",
    "draw_odd",
    "draw_within",
]

Range: TypeAlias = tuple[float, float]
"""The lowest and the highest value, both included."""

_UNIT = 2**32
_DIGITS = 6

OddSize: TypeAlias = Annotated[int, msgspec.Meta(ge=3, le=101)]
OddSizes: TypeAlias = tuple[OddSize, OddSize]

_T = TypeVar("_T")


def check_ascending(name: str, found: tuple[float, float], low: float, high: float) -> None:
    """Refuse a range that is none, or leaves ``low`` … ``high``."""
    if not low <= found[0] <= found[1] <= high:
        raise InvalidValueError(
            f"{name} must be a lowest and a highest value in {low:g}…{high:g}, "
            f"got {found[0]:g} and {found[1]:g}"
        )


def check_odd(name: str, found: tuple[int, int]) -> None:
    """Refuse sizes that are not odd and ascending."""
    if found[0] > found[1] or not all(size % 2 for size in found):
        raise InvalidValueError(f"{name} must be odd and ascending, got {found[0]} and {found[1]}")


def draw_within(within: Range, rng: Chance) -> float:
    """Draw a number, each as likely; of six digits behind the point, as a plan keeps it."""
    low, high = within
    return round(low + (high - low) * (int(rng.integers(_UNIT)) / (_UNIT - 1)), _DIGITS)


def draw_odd(sizes: OddSizes, rng: Chance) -> int:
    """Draw an odd number, each as likely; both ends are odd."""
    low, high = sizes
    return low + 2 * int(rng.integers((high - low) // 2 + 1))


def choose(words: Sequence[_T], rng: Chance) -> _T:
    """Draw one of some words, each as likely."""
    return words[int(rng.integers(len(words)))]
