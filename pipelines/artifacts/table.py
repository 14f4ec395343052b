"""The flagged areas as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from degrade.artifacts import Region
from degrade.errors import line_of

__all__ = ["encode_regions"]

_COLUMNS = (
    "rank",
    "image",
    "left",
    "top",
    "width",
    "height",
    "area",
    "visibility",
    "similarity",
)


def encode_regions(regions: Sequence[tuple[str, Region]]) -> bytes:
    """Return a line for each area, in the given order."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for rank, (name, each) in enumerate(regions, 1):
        box = (each.left, each.top, each.width, each.height, each.area)
        shares = (f"{each.visibility:.4f}", f"{each.similarity:.4f}")
        writer.writerow((rank, line_of(name), *box, *shares))
    return text.getvalue().encode()
