"""The page of a study of opinions: methods with intervals, what was voted, and the raters."""

from __future__ import annotations

import math
from pathlib import Path

from degrade.errors import line_of, printable
from degrade.places.checked_json import naming_file
from degrade.studies import (
    VOTES_NAME,
    QuestionFound,
    StudyDefinition,
    StudyFound,
    find_in_votes,
    read_definition,
)
from degrade.wording import counted
from pipelines.reporting.common import Told
from pipelines.shared.job import Job
from pipelines.study.results import interval_words, read_votes
from report.page.budget import fitting
from report.page.charts import Interval, intervals
from report.page.contents import Cell, Column, Row, Section, Table

__all__ = ["tell_study"]

_ROWS = 800_000
_SCORES = ("1", "2", "3", "4", "5")
_PREFERENCES = ("preferred", "equal", "not preferred")


def tell_study(path: Path, job: Job, share: float) -> Told:
    """Gather what the votes of a study say; all raters count.

    Raises
    ------
    DegradeError
        The study or its votes are damaged.
    """
    definition = read_definition(path)
    raters, votes = read_votes(path)
    with naming_file(printable(path / VOTES_NAME)):
        found = find_in_votes(definition, raters, votes)
    job.progress(1, 1)
    methods = counted(len(definition.methods), "method")
    images = counted(len(definition.images), "image")
    cast = counted(found.votes, "vote"), counted(len(found.counted), "rater")
    head = f"{methods} of {images}: {cast[0]} by {cast[1]}"
    sections = [_question(definition, question) for question in found.questions]
    if found.raters:
        sections.append(_raters(found, share))
    return Told((head,), tuple(sections))


def _question(definition: StudyDefinition, question: QuestionFound) -> Section:
    is_mos = definition.kind == "mos"
    below = "mean opinion score, 1 to 5" if is_mos else "strength (natural logarithm)"
    sure = {
        line_of(method.name): Interval(method.value.value, *method.value.interval)
        for method in question.methods
        if method.value.interval is not None
    }
    differences = {
        f"{line_of(each.first)} − {line_of(each.second)}": Interval(
            each.difference.value, *each.difference.interval, each.difference.is_sure
        )
        for each in question.compared
        if each.difference.interval is not None
    }
    charts = []
    if sure:
        middle = sum(each.value for each in sure.values()) / len(sure)
        charts.append(intervals("Methods", sure, below=below, neutral=middle))
    if differences:
        marked = "marked: it is sure" if any(e.marked for e in differences.values()) else ""
        charts.append(intervals("Differences", differences, below=marked, neutral=0.0))
    columns = (
        Column("method", "name"),
        Column("value, 95 %"),
        *(Column(word, "number") for word in (_SCORES if is_mos else _PREFERENCES)),
    )
    rows = tuple(
        Row((method.name, interval_words(method.value), *method.counts))
        for method in question.methods
    )
    note = "Bars: 95 %, for other raters and images of the same kind."
    return Section(line_of(question.question), (*charts, Table("Votes", columns, rows)), note)


def _raters(found: StudyFound, share: float) -> Section:
    columns = (
        Column("rater", "number"),
        Column("answered", "number"),
        Column("of", "number"),
        Column("checks", "number"),
        Column("failed", "number"),
        Column("bias", "number"),
        Column("inconsistency", "number"),
        Column("seconds for a trial", "number"),
        Column("marks", "marks"),
    )
    rows = tuple(
        Row(
            (
                rater.number,
                rater.answered,
                rater.trials,
                rater.attention.obvious + rater.attention.repeats,
                rater.attention.failed,
                _known(rater.bias),
                _known(rater.inconsistency),
                rater.seconds,
                "failed checks of attention" if rater.attention.has_failed else "",
            )
        )
        for rater in found.raters
    )
    table = fitting(Table("Raters", columns, rows), rows=int(share * _ROWS))
    return Section("Raters", (table,))


def _known(value: float) -> Cell:
    return None if math.isnan(value) else value
