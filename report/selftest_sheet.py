"""A picture of what was planted on clean photos and measured again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from degrade.audit.expectations import Expectation, judge
from degrade.audit.planting import Trial
from degrade.disk.results import Results
from report.sheet import DOUBTFUL_COLOUR, FAINT, INK, sheet_results, write_figure

__all__ = ["check_selftest_sheet", "draw_selftest_sheet"]

_RIGHT, _UNTOLD, _WRONG = "#15803d", "#d1d5db", DOUBTFUL_COLOUR
_MOST = 80.0
"""Percent: larger errors are drawn at the edge."""


def check_selftest_sheet(path: Path, *, overwrite: bool = False) -> Results:
    """Say what would keep :func:`draw_selftest_sheet` from drawing, before anything is done.

    Raises
    ------
    DegradeError
        The name does not end in ``.png``, matplotlib is missing, or what stands there is no such
        picture.
    """
    return sheet_results(path, "selftest", overwrite=overwrite)


def draw_selftest_sheet(
    trials: Sequence[Trial], rows: Sequence[Expectation], path: Path, *, overwrite: bool = False
) -> None:
    """Draw the errors of each photo, and the shares of what was right, not told and wrong, as PNG.

    Raises
    ------
    DegradeError
        As :func:`check_selftest_sheet`, or the file cannot be written.
    """
    results = check_selftest_sheet(path, overwrite=overwrite)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.5, 6.6), dpi=110, facecolor="white", layout="constrained")
    title = "\n".join(f"{kind}: {sentence}" for kind, sentence in judge(rows).items())
    figure.suptitle(title, fontsize=9, x=0.01, ha="left", color=INK)
    left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
    _draw_errors(left, trials, [row for row in rows if row.kind in ("kernel", "noise")])
    _draw_shares(right, rows)
    write_figure(figure, path, results)


def _draw_errors(axes: Any, trials: Sequence[Trial], rows: Sequence[Expectation]) -> None:
    for place, row in enumerate(reversed(rows)):
        errors = [
            min(max(100 * trial.error, -_MOST), _MOST)
            for trial in trials
            if (trial.kind, trial.plant) == (row.kind, row.plant) and trial.error is not None
        ]
        axes.plot(errors, [place] * len(errors), "o", color="#3b7ac2", alpha=0.45, ms=5)
        if row.typical is not None:
            middle = min(max(100 * row.typical, -_MOST), _MOST)
            axes.plot([middle] * 2, [place - 0.3, place + 0.3], color=INK, lw=2)
    axes.axvspan(-10, 10, color="#dcfce7", zorder=0)
    axes.set_xlim(-_MOST - 5, _MOST + 5)
    axes.set_yticks(range(len(rows)), [f"{row.kind} {row.plant}" for row in reversed(rows)])
    axes.set_xlabel("percent of the truth")
    axes.set_title("Error of width and strength: a dot a photo, a line the median", fontsize=9)
    axes.grid(axis="x", alpha=0.3)


def _draw_shares(axes: Any, rows: Sequence[Expectation]) -> None:
    for place, row in enumerate(reversed(rows)):
        begin = 0.0
        parts = ((row.right, _RIGHT), (row.untold, _UNTOLD), (row.wrong, _WRONG))
        for share, colour in parts:
            axes.barh(place, 100 * share, left=begin, color=colour, height=0.7)
            begin += 100 * share
        if row.confidence is not None:
            axes.plot(100 * row.confidence, place, "D", color="white", mec=INK, ms=6)
    axes.set_yticks(range(len(rows)), [f"{row.kind} {row.plant}" for row in reversed(rows)])
    axes.set_xlim(0, 100)
    axes.set_xlabel("percent of the photos", color=FAINT)
    axes.set_title("green: right, grey: not told, red: wrong; ◇: how sure", fontsize=9)
