"""The figures of all images: as CSV, as means with intervals, and side by side."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from degrade.errors import line_of
from degrade.metrics import BEST_DB
from degrade.metrics.intervals import Mean, mean_of
from degrade.metrics.measures import MEASURES, Measure
from pipelines.evaluation.scoring import ItemScores

__all__ = ["Compared", "Row", "compare", "encode_csv", "table_lines"]

_SHIFTS = ("shift_rows", "shift_columns")


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """An HR image and the figures of its results."""

    name: str
    scores: ItemScores


@dataclass(frozen=True, slots=True)
class Compared:
    """One measure of all methods, over the images that all of them have it of.

    Attributes
    ----------
    measure : Measure
    means : tuple of Mean
        One for each method.
    differences : tuple of Mean
        Of the second and each further method from the first one, image by image.
    better : tuple of int
        Of how many images each of these is better than the first one.
    """

    measure: Measure
    means: tuple[Mean, ...]
    differences: tuple[Mean, ...]
    better: tuple[int, ...]


def compare(
    rows: Sequence[Row], methods: int, measures: Mapping[str, Measure] = MEASURES
) -> list[Compared]:
    """Return each measure's means, and the differences from the first method."""
    found = []
    for name, measure in measures.items():
        values = [
            [
                BEST_DB if measure.unit == "dB" and each[name] > BEST_DB else each[name]
                for each in have
            ]
            for row in rows
            if len(have := [each for each in row.scores.values if each and name in each]) == methods
        ]
        if not values:
            continue
        columns = list(zip(*values, strict=True))
        gaps = [[b - a for a, b in zip(columns[0], other, strict=True)] for other in columns[1:]]
        sign = 1 if measure.higher_is_better else -1
        found.append(
            Compared(
                measure,
                tuple(map(mean_of, columns)),
                tuple(map(mean_of, gaps)),
                tuple(sum(sign * gap > 0 for gap in each) for each in gaps),
            )
        )
    return found


def table_lines(found: Sequence[Compared], names: Sequence[str]) -> list[str]:
    """Return a head and a line for each measure, in columns."""
    first = line_of(names[0])
    head = ["measure", *(line_of(name) for name in names)]
    head += [f"{line_of(name)} − {first}" for name in names[1:]]
    cells = [head]
    for each in found:
        measure = each.measure
        unit = f", {measure.unit}" if measure.unit else ""
        way = "" if measure.higher_is_better else " (less is better)"
        line = [f"{measure.label}{unit}{way}"]
        line += [_text(mean, measure.digits) for mean in each.means]
        for gap, better in zip(each.differences, each.better, strict=True):
            text = _text(gap, measure.digits, sign="+")
            line.append(f"{text}, better in {better} of {gap.count}")
        cells.append(line)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]


def _text(found: Mean, digits: int, *, sign: str = "") -> str:
    text = f"{found.mean:{sign}.{digits}f}"
    if found.interval is None:
        return text
    low, high = found.interval
    return f"{text} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def encode_csv(rows: Sequence[Row], names: Sequence[str], measures: Mapping[str, Measure]) -> bytes:
    """Return a line for each image and method, in UTF-8; what is not known is empty."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    columns = [
        name
        for name in measures
        if any(each and name in each for row in rows for each in row.scores.values)
    ]
    writer.writerow(["image", "result", "width", "height", *columns, *_SHIFTS])
    for row in rows:
        height, width = row.scores.size
        for name, values in zip(names, row.scores.values, strict=True):
            known = values or {}
            figures = [
                f"{known[column]:.10g}" if column in known else ""
                for column in (*columns, *_SHIFTS)
            ]
            writer.writerow([row.name, name, width, height, *figures])
    # A file name may hold bytes that are no text.
    return text.getvalue().encode("utf-8", "backslashreplace")
