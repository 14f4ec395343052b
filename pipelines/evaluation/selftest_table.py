"""What `degrade selftest` found as text for people, and as CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from degrade.audit.expectations import Expectation
from degrade.audit.planting import Trial

__all__ = ["encode_csv", "table_lines"]

_HEAD = ["planted", "right", "not told", "wrong", "error", "90 % within", "dB", "sure", ""]
_CSV = ["photo", "kind", "planted", "outcome", "error", "decibels", "confidence"]


def table_lines(rows: Sequence[Expectation]) -> list[str]:
    """Return a head and a line for each thing that was planted, in columns."""
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _cells(row: Expectation) -> list[str]:
    def share(value: float | None, sign: str = "") -> str:
        return "" if value is None else f"{100 * value:{sign}.0f} %"

    return [
        f"{row.kind} {row.plant}",
        *(share(value) for value in (row.right, row.untold, row.wrong)),
        share(row.typical, "+"),
        share(row.worst),
        "" if row.decibels is None else f"{row.decibels:.1f}",
        share(row.confidence),
        row.advice(),
    ]


def encode_csv(trials: Sequence[tuple[str, Sequence[Trial]]]) -> bytes:
    """Return a line for each photo and thing planted on it, in UTF-8; what is not known is empty.

    Parameters
    ----------
    trials : sequence of (str, sequence of Trial)
        By the name of the photo.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    for name, of_photo in trials:
        for trial in of_photo:
            figures = (trial.error, trial.decibels, trial.confidence)
            known = ["" if figure is None else f"{figure:.10g}" for figure in figures]
            writer.writerow([name, trial.kind, trial.plant, trial.outcome, *known])
    # A file name may hold bytes that are no text.
    return text.getvalue().encode("utf-8", "backslashreplace")
