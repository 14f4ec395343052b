"""Which pairs go into which tar of a WebDataset; known before any is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from degrade.pairs import PairRecord

__all__ = ["tar_ends", "tar_names"]

_TAR_PIXELS = 2**28
"""Bytes of pixels in a tar: large enough to stream well, small enough to shuffle and to resume."""


def tar_names(records: Sequence[PairRecord]) -> tuple[str, ...]:
    """Return the names of the tars that hold these pairs."""
    return tuple(f"pairs-{number:06d}.tar" for number in range(len(tar_ends(records))))


def tar_ends(records: Sequence[PairRecord]) -> list[int]:
    """Return for each tar the number of the pair after its last."""
    ends, filled = [], 0
    for number, record in enumerate(records):
        size = sum(3 * height * width for height, width, _ in (record.hr_shape, record.lr_shape))
        if filled and filled + size > _TAR_PIXELS:
            ends.append(number)
            filled = 0
        filled += size
    return [*ends, len(records)]
