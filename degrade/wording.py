"""Words that messages share: how many of a thing, and how large."""

from __future__ import annotations

import re
from collections.abc import Mapping

__all__ = ["byte_text", "counted", "most_first"]

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")
_HISSING = re.compile(r"(s|x|z|ch|sh)$")
_CONSONANT_Y = re.compile(r"(?<![aeiou])y$")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, which is given in the singular: ``2 noise patches``."""
    if number == 1:
        return f"1 {noun}"
    if _CONSONANT_Y.search(noun):
        return f"{number} {noun[:-1]}ies"
    return f"{number} {noun}{'es' if _HISSING.search(noun) else 's'}"


def most_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return what was counted, the most frequent first, of equal ones by name; without zeros."""
    return sorted(
        ((name, count) for name, count in counts.items() if count),
        key=lambda pair: (-pair[1], pair[0]),
    )


def byte_text(size: int) -> str:
    """Return a size in the largest binary unit that it fills: ``12.3 MiB``."""
    if size < 1024:
        return counted(size, "byte")
    value, power = size / 1024, 0
    while value >= 999.95 and power + 1 < len(_UNITS):  # four digits are too many
        value, power = value / 1024, power + 1
    return f"{value:.1f} {_UNITS[power]}"
