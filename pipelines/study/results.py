"""``degrade study results``: what raters say, with intervals."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from degrade.disk.files import make_folder
from degrade.disk.results import Results
from degrade.errors import DegradeError, line_of, printable
from degrade.opinions import DECOY, NOTHING, TRUE
from degrade.places.checked_json import naming_file
from degrade.studies import (
    VOTES_NAME,
    Compared,
    Estimate,
    MethodFound,
    QuestionFound,
    Rater,
    StudyDefinition,
    StudyFound,
    Vote,
    Votes,
    find_in_votes,
    read_definition,
)
from degrade.wording import counted
from pipelines.shared.job import Job
from pipelines.shared.reports import RunReport
from report.study_sheet import check_study_sheet, draw_study_sheet

__all__ = ["StudyResultsConfig", "interval_words", "read_votes", "study_results"]

_FEW = 8
"""Raters below which intervals are not to be relied on."""

_MOST_NAMED = 8
_TILTED = 3.0
"""Standard deviations of a fair coin by which the left may be preferred."""

_CSV = (
    "rater",
    "trial",
    "role",
    "image",
    "question",
    "first",
    "second",
    "answer",
    "seconds",
    "at",
    "changes",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResultsConfig:
    """The settings of ``degrade study results``.

    Attributes
    ----------
    study : Path
    drop_failing : bool
        Leave out raters who fail the checks of attention.
    csv : Path or None
        Write all votes there.
    sheet : Path or None
        Draw the results there, NAME.png.
    overwrite : bool
        Replace files that are no earlier results.
    """

    study: Path
    drop_failing: bool = False
    csv: Path | None = None
    sheet: Path | None = None
    overwrite: bool = False


def study_results(config: StudyResultsConfig) -> RunReport:
    """Tell what raters say of methods, and what is to be thought of raters.

    A study that is served can be asked, too.

    Raises
    ------
    DegradeError
        There is no study, nobody has voted, or a file cannot be written.
    """
    job = Job("study results", "vote")
    definition = read_definition(config.study)
    table = None
    if config.csv is not None:
        table = Results.at(config.csv, "study results", overwrite=config.overwrite)
    if config.sheet is not None:
        check_study_sheet(config.sheet, overwrite=config.overwrite)
    raters, votes = read_votes(config.study)
    with naming_file(printable(config.study / VOTES_NAME)):
        found = find_in_votes(definition, raters, votes, drop_failing=config.drop_failing)
    if not found.questions:
        reason = "every rater has failed the checks" if votes else "nobody has voted yet"
        raise DegradeError(f"{printable(config.study)}: {reason}; nothing can be told")
    if config.csv is not None and table is not None:
        make_folder(config.csv.parent)
        table.write(config.csv, _encoded(definition, votes))
    if config.sheet is not None:
        draw_study_sheet(definition, found, config.sheet, overwrite=config.overwrite)
    _tell(job, definition, found, drop_failing=config.drop_failing)
    return job.report(found.votes)


def read_votes(study: Path) -> tuple[list[Rater], list[Vote]]:
    """Return the raters and last votes of a study; none where it was never served."""
    if not (study / VOTES_NAME).exists():
        return [], []
    with Votes(study / VOTES_NAME) as votes:
        return votes.raters_and_votes()


def interval_words(estimate: Estimate, places: int = 2) -> str:
    """Return a value with its interval in words."""
    value = f"{estimate.value:.{places}f}"
    if estimate.interval is None:
        return value
    low, high = (f"{end:.{places}f}" for end in estimate.interval)
    return f"{value} ({low} to {high})"


def _tell(job: Job, definition: StudyDefinition, found: StudyFound, *, drop_failing: bool) -> None:
    for question in found.questions:
        job.found("question", line_of(question.question), question=question.question)
        for method in question.methods:
            _tell_method(job, definition, question, method)
        for each in question.compared:
            _tell_compared(job, definition, question, each)
        _tell_sides(job, question)
    _tell_raters(job, found, drop_failing=drop_failing)


def _tell_method(
    job: Job, definition: StudyDefinition, question: QuestionFound, method: MethodFound
) -> None:
    values = {
        "question": question.question,
        "method": method.name,
        "value": method.value.value,
        "interval": None if method.value.interval is None else list(method.value.interval),
        "counts": list(method.counts),
    }
    name, value = line_of(method.name), interval_words(method.value)
    if definition.kind == "mos":
        job.found("score", f"{name}: {value}, {counted(sum(method.counts), 'vote')}", **values)
        return
    won, tied, lost = method.counts
    words = f"{name}: strength {value}; preferred {won}×, equal {tied}×, not preferred {lost}×"
    job.found("strength", words, **values)


def _tell_compared(
    job: Job, definition: StudyDefinition, question: QuestionFound, each: Compared
) -> None:
    first, second = line_of(each.first), line_of(each.second)
    verdict = "" if each.difference.is_sure else ", no sure difference"
    if definition.kind == "mos":
        words = f"{first} over {second}: {interval_words(each.difference)}{verdict}"
    else:
        share = each.preferred
        words = f"{first} is preferred to {second} by {share.value:.0%}"
        if share.interval is not None:
            words += f" ({share.interval[0]:.0%} to {share.interval[1]:.0%})"
        words += f" of those who see a difference{verdict}"
    job.found(
        "difference",
        words,
        question=question.question,
        of=f"{first} − {second}",
        name=f"{first} − {second}" if each.difference.is_sure else "",
        size=each.difference.value,
        interval=None if each.difference.interval is None else list(each.difference.interval),
        unit="points" if definition.kind == "mos" else "log odds",
        counts=list(each.counts),
    )


def _tell_sides(job: Job, question: QuestionFound) -> None:
    left, decided = question.left
    if decided and abs(left - decided / 2) > _TILTED * (decided / 4) ** 0.5:
        share = left / decided
        words = f"the image at the left was preferred {share:.0%} of the time, by its place alone"
        job.found("sides", words, question=question.question, left=left, decided=decided)


def _tell_raters(job: Job, found: StudyFound, *, drop_failing: bool) -> None:
    failing = [rater for rater in found.raters if rater.attention.has_failed]
    for rater in found.raters:
        checks = rater.attention
        words = (
            f"rater {rater.number}: {rater.answered} of {rater.trials}, checks "
            f"{checks.failed} of {checks.obvious + checks.repeats} failed"
        )
        if rater.bias == rater.bias:
            words += f", bias {rater.bias:+.2f}, inconsistency {rater.inconsistency:.2f}"
        job.found(
            "rater",
            words,
            rater=rater.number,
            answered=rater.answered,
            trials=rater.trials,
            checks=checks.obvious + checks.repeats,
            failed=checks.failed,
            doubtful=checks.has_failed,
            bias=rater.bias if rater.bias == rater.bias else None,
            inconsistency=rater.inconsistency if rater.bias == rater.bias else None,
            seconds=rater.seconds,
        )
    if failing:
        named = ", ".join(str(rater.number) for rater in failing[:_MOST_NAMED])
        more = f" and {len(failing) - _MOST_NAMED} more" if len(failing) > _MOST_NAMED else ""
        done = "left out" if drop_failing else "counted; `drop_failing` leaves them out"
        job.found(
            "failing",
            f"these raters failed checks of attention and are {done}: {named}{more}",
            raters=[rater.number for rater in failing],
        )
    if len(found.counted) < _FEW:
        job.found(
            "few",
            f"{counted(len(found.counted), 'rater')}: too few to rely on intervals; SRGAN's study "
            "had 26",
            raters=len(found.counted),
        )


def _encoded(definition: StudyDefinition, votes: Sequence[Vote]) -> bytes:
    """Return all votes as CSV, those of failing raters and of checks included."""
    special = {NOTHING: "", DECOY: "decoy", TRUE: "true"}
    names = {**dict(enumerate(map(line_of, definition.methods))), **special}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    for vote in votes:
        trial = vote.trial
        said = str(vote.answer)
        if definition.kind == "pairs":
            said = ("equal", "first", "second")[vote.answer]
        at = datetime.fromtimestamp(vote.at, UTC).isoformat(timespec="seconds")
        image = line_of(definition.images[trial.image].name)
        question = line_of(definition.questions[vote.question])
        shown = image, question, names[trial.first], names[trial.second], said
        when = f"{vote.seconds:.2f}", at, vote.changes
        writer.writerow((vote.rater + 1, vote.number, trial.role, *shown, *when))
    return text.getvalue().encode()
