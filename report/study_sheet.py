"""A picture of a study of opinions: methods with intervals, what was voted, and the raters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from degrade.disk.results import Results
from degrade.errors import line_of
from degrade.studies import QuestionFound, RaterFound, StudyDefinition, StudyFound
from degrade.wording import counted
from report.sheet import DOUBTFUL_COLOUR, FAINT, INK, sheet_results, shorten, write_figure

__all__ = ["check_study_sheet", "draw_study_sheet"]

_COLOUR = "#1d4ed8"
_SCORES = ("#b91c1c", "#f59e0b", "#d4d4d4", "#7dd3a8", "#15803d")
_PREFERENCES = ("#15803d", "#d4d4d4", "#b91c1c")
_SCORE_WORDS = ("1", "2", "3", "4", "5")
_PREFERENCE_WORDS = ("preferred", "equal", "not preferred")
_LETTERS = 24


def check_study_sheet(path: Path, *, overwrite: bool = False) -> Results:
    """Say what would keep :func:`draw_study_sheet` from drawing, before anything is done.

    Raises
    ------
    DegradeError
        The name does not end in ``.png``, matplotlib is not installed, or what stands there is no
        sheet drawn before.
    """
    return sheet_results(path, "study results", overwrite=overwrite)


def draw_study_sheet(
    definition: StudyDefinition, found: StudyFound, path: Path, *, overwrite: bool = False
) -> None:
    """Draw a row for each question, and one for the raters, as PNG.

    Raises
    ------
    DegradeError
        As :func:`check_study_sheet`, or the file cannot be written.
    """
    results = check_study_sheet(path, overwrite=overwrite)
    from matplotlib.figure import Figure

    methods = max(len(question.methods) for question in found.questions)
    each = 1.3 + 0.35 * methods
    rows = len(found.questions) + 1
    heights = [each] * len(found.questions) + [2.8]
    figure = Figure(
        figsize=(10, 0.5 + sum(heights)), dpi=130, facecolor="white", layout="constrained"
    )
    about = counted(found.votes, "vote"), counted(len(found.counted), "rater")
    images = counted(len(definition.images), "image")
    title = f"{about[0]} by {about[1]} on {images}; bars: 95 %, for other raters and images"
    figure.suptitle(title, fontsize=10, x=0.01, ha="left", color=INK)
    axes = figure.subplots(rows, 2, squeeze=False, height_ratios=heights, width_ratios=(1.1, 1))
    for row, question in enumerate(found.questions):
        _draw_values(axes[row][0], definition, question)
        _draw_counts(axes[row][1], definition, question)
    _draw_raters(axes[-1], definition, found.raters)
    write_figure(figure, path, results)


def _names(axes: Any, question: QuestionFound) -> None:
    names = [shorten(line_of(method.name), _LETTERS) for method in question.methods]
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _draw_values(axes: Any, definition: StudyDefinition, question: QuestionFound) -> None:
    for place, method in enumerate(question.methods):
        if method.value.interval is not None:
            axes.plot(method.value.interval, [place] * 2, color=_COLOUR, lw=3, alpha=0.5)
        axes.plot(method.value.value, place, "o", color=_COLOUR, ms=7)
        text = f"{method.value.value:.2f}"
        axes.annotate(
            text, (method.value.value, place), (0, 7), textcoords="offset points", ha="center",
            fontsize=8, color=INK,
        )  # fmt: skip
    is_mos = definition.kind == "mos"
    axes.set_title(line_of(question.question), fontsize=9, loc="left", parse_math=False)
    axes.set_xlabel(
        "mean opinion score, 1 to 5" if is_mos else "strength (natural logarithm)",
        fontsize=8,
        color=FAINT,
    )
    if is_mos:
        axes.set_xlim(0.9, 5.1)
    axes.grid(axis="x", alpha=0.3)
    _names(axes, question)


def _draw_counts(axes: Any, definition: StudyDefinition, question: QuestionFound) -> None:
    is_mos = definition.kind == "mos"
    colours, words = (_SCORES, _SCORE_WORDS) if is_mos else (_PREFERENCES, _PREFERENCE_WORDS)
    for place, method in enumerate(question.methods):
        begin, total = 0.0, max(sum(method.counts), 1)
        for count, colour in zip(method.counts, colours, strict=True):
            axes.barh(place, 100 * count / total, left=begin, color=colour, height=0.65)
            begin += 100 * count / total
    for word, colour in zip(words, colours, strict=True):
        axes.barh(0, 0, color=colour, label=word)
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=len(words), frameon=False, fontsize=8,
        handlelength=1, columnspacing=1,
    )  # fmt: skip
    axes.set_xlim(0, 100)
    axes.set_xlabel("percent of the votes", fontsize=8, color=FAINT)
    _names(axes, question)


def _draw_raters(
    axes: Sequence[Any], definition: StudyDefinition, raters: Sequence[RaterFound]
) -> None:
    is_mos = definition.kind == "mos"
    for rater in raters:
        colour = DOUBTFUL_COLOUR if rater.attention.has_failed else _COLOUR
        mark = "X" if rater.attention.has_failed else "o"
        x, y = (rater.bias, rater.inconsistency) if is_mos else (rater.answered, rater.seconds)
        axes[0].plot(x, y, mark, color=colour, ms=6, alpha=0.8)
        checks = max(rater.attention.obvious + rater.attention.repeats, 1)
        share = 100 * rater.attention.failed / checks
        axes[1].plot(rater.seconds, share, mark, color=colour, ms=6, alpha=0.8)
    axes[0].set_title("Raters (×: failed checks of attention)", fontsize=9, loc="left")
    labels = (
        ("bias, points", "inconsistency, points")
        if is_mos
        else ("trials answered", "seconds for a trial")
    )
    axes[0].set_xlabel(labels[0], fontsize=8, color=FAINT)
    axes[0].set_ylabel(labels[1], fontsize=8, color=FAINT)
    axes[1].set_xlabel("seconds for a trial, median", fontsize=8, color=FAINT)
    axes[1].set_ylabel("checks failed, percent", fontsize=8, color=FAINT)
    axes[1].set_ylim(-4, 104)
    for each in axes:
        each.grid(alpha=0.3)
        for side in ("top", "right"):
            each.spines[side].set_visible(False)
