"""Photos that are there more than once: the same file, the same pixels, or the same picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from degrade.history.likeness import ALIKE, likenesses
from pipelines.history.rows import PhotoRow
from pipelines.measuring.likeness import thumbnail_in

__all__ = ["mark_duplicates"]

_AT_ONCE = 512
_SHAPES = 1.03
"""The same picture in another size has the same proportions."""


def mark_duplicates(rows: Sequence[PhotoRow]) -> None:
    """Write into each row which photo it is the same as.

    Of those that are the same picture the largest that was not enlarged is the one that the others
    are told to be, and of equally large ones the first.
    """
    order = sorted(range(len(rows)), key=lambda i: (rows[i].is_enlarged, -_size(rows[i]), i))
    measured = [i for i in order if rows[i].values("likeness")]
    features = likenesses(np.array([thumbnail_in(rows[i].values("likeness")) for i in measured]))
    first_of: dict[str, int] = {}
    for start in range(0, len(measured), _AT_ONCE):
        alike = features[start : start + _AT_ONCE] @ features.T >= ALIKE
        for offset, place in enumerate(range(start, min(start + _AT_ONCE, len(measured)))):
            row = rows[measured[place]]
            pixels = str(row.values("likeness").get("pixels"))
            if pixels in first_of:
                _mark(row, rows[first_of[pixels]], "pixels")
                continue
            first_of[pixels] = measured[place]
            others = (rows[measured[j]] for j in np.flatnonzero(alike[offset, :place]))
            same = next((r for r in others if not r.same_as and _is_shaped_alike(row, r)), None)
            if same is not None:
                _mark(row, same, "picture")


def _mark(row: PhotoRow, same: PhotoRow, sameness: str) -> None:
    row.same_as, row.sameness = same.photo.name, sameness


def _size(row: PhotoRow) -> int:
    return row.photo.height * row.photo.width


def _is_shaped_alike(one: PhotoRow, other: PhotoRow) -> bool:
    first, second = (row.photo.width / row.photo.height for row in (one, other))
    return max(first, second) <= _SHAPES * min(first, second)
