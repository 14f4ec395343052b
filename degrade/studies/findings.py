"""What the votes of a study say: of methods, of raters, and how sure it is."""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.errors import CorruptDataError
from degrade.opinions import (
    NOTHING,
    Attention,
    Drawn,
    Trial,
    check_attention,
    draw_preferences,
    draw_scores,
    fit_scores,
)
from degrade.studies.definition import StudyDefinition
from degrade.studies.votes import Rater, Vote

__all__ = [
    "Compared",
    "Estimate",
    "MethodFound",
    "QuestionFound",
    "RaterFound",
    "StudyFound",
    "find_in_votes",
]

_ENOUGH = 3
"""Raters below which nothing is said of how sure a result is."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value, and its interval of 95 %; None where too few have voted to tell."""

    value: float
    interval: tuple[float, float] | None

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves out 0: of a difference, that there is one."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


@dataclass(frozen=True, slots=True)
class MethodFound:
    """What votes say of a method.

    Attributes
    ----------
    name : str
    value : Estimate
        The mean opinion score, of a rater without bias; or the log strength.
    counts : tuple of int
        Votes: by score from 1 to 5; or preferred, found equal, not preferred.
    """

    name: str
    value: Estimate
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """Two methods.

    Attributes
    ----------
    first, second : str
    difference : Estimate
        Of the first from the second, in units of the methods' values.
    counts : tuple of int
        Of pairs: first preferred, found equal, second preferred; of scores empty.
    """

    first: str
    second: str
    difference: Estimate
    counts: tuple[int, ...] = ()

    @property
    def preferred(self) -> Estimate:
        """Of pairs: how often the first is preferred, of those who see a difference."""
        interval = self.difference.interval
        low_high = None if interval is None else (_share(interval[0]), _share(interval[1]))
        return Estimate(_share(self.difference.value), low_high)


@dataclass(frozen=True, slots=True)
class QuestionFound:
    """What votes say to a question; methods by value, the largest first.

    Attributes
    ----------
    question : str
    methods : tuple of MethodFound
    compared : tuple of Compared
        Each two of them.
    left : tuple of int
        Of pairs: how often the one at the left was preferred, and how often any was.
    """

    question: str
    methods: tuple[MethodFound, ...]
    compared: tuple[Compared, ...]
    left: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class RaterFound:
    """What is known of a rater.

    Attributes
    ----------
    number : int
        From 1 on.
    answered, trials : int
    attention : Attention
    bias, inconsistency : float
        In points, of scores only; NaN otherwise.
    seconds : float
        Median for a trial.
    """

    number: int
    answered: int
    trials: int
    attention: Attention
    bias: float
    inconsistency: float
    seconds: float


@dataclass(frozen=True, slots=True)
class StudyFound:
    """What a study has found.

    Attributes
    ----------
    questions : tuple of QuestionFound
        Empty as long as nobody has voted.
    raters : tuple of RaterFound
        All who have voted.
    counted : tuple of int
        Numbers of the raters whose votes count.
    votes : int
        Votes that count, without checks of attention.
    """

    questions: tuple[QuestionFound, ...]
    raters: tuple[RaterFound, ...]
    counted: tuple[int, ...]
    votes: int


def find_in_votes(
    definition: StudyDefinition,
    raters: Sequence[Rater],
    votes: Sequence[Vote],
    *,
    drop_failing: bool = False,
    draws: int = 1000,
) -> StudyFound:
    """Say what votes say.

    Parameters
    ----------
    definition : StudyDefinition
    raters : sequence of Rater
    votes : sequence of Vote
        The last ones; both as :meth:`degrade.studies.Votes.raters_and_votes` gives them.
    drop_failing : bool
        Leave out the votes of raters who fail the checks of attention.
    draws : int
        For intervals.

    Raises
    ------
    CorruptDataError
        Votes are of another study, or damaged; or a rater has votes and is not among ``raters``, or
        has not all votes up to the last trial that was answered.
    """
    by_rater: dict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        _require_fit(definition, vote)
        by_rater[vote.rater].append(vote)
    _require_whole(definition, raters, by_rater)
    attention = {n: _attention(definition, cast) for n, cast in by_rater.items()}
    kept = [n for n in by_rater if not (drop_failing and attention[n].has_failed)]
    counting = [v for n in kept for v in by_rater[n] if v.trial.role == "vote"]
    table = _Table.of(counting)
    bias: dict[int, float] = {}
    spread: dict[int, float] = {}
    questions: list[QuestionFound] = []
    if counting and definition.kind == "mos":
        questions.append(_find_scores(definition, table, draws, bias, spread))
    elif counting:
        questions += [
            _find_preferences(definition, number, table.where(table.question == number), draws)
            for number in range(len(definition.questions))
        ]
    found = tuple(
        RaterFound(
            number=rater.number + 1,
            answered=rater.answered,
            trials=rater.trials,
            attention=attention[rater.number],
            bias=bias.get(rater.number, math.nan),
            inconsistency=spread.get(rater.number, math.nan),
            seconds=float(np.median([v.seconds for v in by_rater[rater.number]])),
        )
        for rater in raters
        if rater.number in by_rater
    )
    return StudyFound(tuple(questions), found, tuple(n + 1 for n in kept), len(counting))


def _require_fit(definition: StudyDefinition, vote: Vote) -> None:
    trial, is_mos = vote.trial, definition.kind == "mos"
    definition.picture(trial.image, trial.first)
    if not is_mos:
        definition.picture(trial.image, trial.second)
    known = range(1, 6) if is_mos else range(3)
    is_fit = (
        vote.answer in known
        and 0 <= vote.question < len(definition.questions)
        and (trial.second == NOTHING) == is_mos
        and trial.role in ("vote", "obvious", "repeat")
        and 0 <= trial.of < vote.number
    )
    if not is_fit:
        raise CorruptDataError(
            f"the votes of rater {vote.rater + 1} do not fit this study; restore them from a copy"
        )


def _require_whole(
    definition: StudyDefinition, raters: Sequence[Rater], by_rater: Mapping[int, Sequence[Vote]]
) -> None:
    """Trials are answered one after the other, all questions at once: a gap was lost."""
    asked = len(definition.questions)
    strangers = by_rater.keys() - {rater.number for rater in raters}
    if strangers:
        raise CorruptDataError(
            f"rater {min(strangers) + 1} has voted and is none of the raters: some were lost; "
            "restore them from a copy"
        )
    for rater in raters:
        votes = by_rater.get(rater.number, ())
        given = Counter(number for number, _ in {(vote.number, vote.question) for vote in votes})
        last, answered = max(given, default=0), rater.answered
        if not last <= answered <= rater.trials:
            raise CorruptDataError(
                f"rater {rater.number + 1} has answers up to trial {last}, and is said to have "
                f"answered {answered} of {rater.trials}; restore them from a copy"
            )
        for number in range(1, answered + 1):
            if given[number] != asked:
                raise CorruptDataError(
                    f"rater {rater.number + 1} has {given[number]} of {asked} answers to trial "
                    f"{number}: some were lost; restore them from a copy"
                )


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Votes as columns."""

    rater: npt.NDArray[np.int64]
    question: npt.NDArray[np.int64]
    image: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    second: npt.NDArray[np.int64]
    answer: npt.NDArray[np.int64]

    @classmethod
    def of(cls, votes: Sequence[Vote]) -> _Table:
        rows = [
            (v.rater, v.question, v.trial.image, v.trial.first, v.trial.second, v.answer)
            for v in votes
        ]
        return cls(*np.array(rows, np.int64).reshape(-1, 6).T)

    def where(self, wanted: npt.NDArray[np.bool_]) -> _Table:
        columns = (self.rater, self.question, self.image, self.first, self.second, self.answer)
        return _Table(*(column[wanted] for column in columns))


def _attention(definition: StudyDefinition, votes: Sequence[Vote]) -> Attention:
    last = max(vote.number for vote in votes)
    trials: list[Trial] = [votes[0].trial] * last
    answers: list[list[int] | None] = [None] * last
    for vote in votes:  # by trial, then question
        trials[vote.number - 1] = vote.trial
        answers[vote.number - 1] = [*(answers[vote.number - 1] or ()), vote.answer]
    return check_attention(definition.kind, trials, answers)


def _find_scores(
    definition: StudyDefinition,
    table: _Table,
    draws: int,
    bias: dict[int, float],
    spread: dict[int, float],
) -> QuestionFound:
    methods, images = len(definition.methods), len(definition.images)
    people, who = np.unique(table.rater, return_inverse=True)
    score = table.answer.astype(np.float64)
    fit = fit_scores(
        who,
        table.image * methods + table.first,
        score,
        raters=len(people),
        stimuli=images * methods,
    )
    bias |= dict(zip(people.tolist(), fit.bias.tolist(), strict=True))
    spread |= dict(zip(people.tolist(), fit.inconsistency.tolist(), strict=True))
    drawn = draw_scores(
        table.rater,
        table.image,
        table.first,
        score,
        fit.bias[who],
        fit.inconsistency[who] ** -2.0,
        methods=methods,
        draws=draws,
        seed=definition.seed,
    )
    counts = [
        tuple(int(((table.first == m) & (table.answer == s)).sum()) for s in range(1, 6))
        for m in range(methods)
    ]
    return _question(definition, 0, drawn, len(people), counts, {})


def _find_preferences(
    definition: StudyDefinition, question: int, table: _Table, draws: int
) -> QuestionFound:
    methods = len(definition.methods)
    drawn = draw_preferences(
        table.rater,
        table.image,
        table.first,
        table.second,
        table.answer,
        methods=methods,
        draws=draws,
        seed=definition.seed,
    )
    won = np.zeros((methods, methods), np.int64)
    tied = np.zeros((methods, methods), np.int64)
    winner = np.where(table.answer == 2, table.second, table.first)
    loser = np.where(table.answer == 2, table.first, table.second)
    decided = table.answer != 0
    np.add.at(won, (winner[decided], loser[decided]), 1)
    np.add.at(tied, (winner[~decided], loser[~decided]), 1)
    tied = tied + tied.T
    counts = [(int(won[m].sum()), int(tied[m].sum()), int(won[:, m].sum())) for m in range(methods)]
    pairs = {
        (a, b): (int(won[a, b]), int(tied[a, b]), int(won[b, a]))
        for a, b in itertools.permutations(range(methods), 2)
    }
    left = int((table.answer == 1).sum()), int(decided.sum())
    people = len(np.unique(table.rater))
    return _question(definition, question, drawn, people, counts, pairs, left)


def _question(
    definition: StudyDefinition,
    question: int,
    drawn: Drawn,
    people: int,
    counts: Sequence[tuple[int, ...]],
    pairs: Mapping[tuple[int, int], tuple[int, ...]],
    left: tuple[int, int] = (0, 0),
) -> QuestionFound:
    names = definition.methods
    judged = [m for m in range(len(names)) if sum(counts[m])]
    order = sorted(judged, key=lambda m: (-drawn.values[m], m))

    def sure(interval: tuple[float, float] | None) -> tuple[float, float] | None:
        return interval if people >= _ENOUGH else None

    methods = tuple(
        MethodFound(names[m], Estimate(float(drawn.values[m]), sure(drawn.interval(m))), counts[m])
        for m in order
    )
    compared = []
    for a, b in itertools.combinations(order, 2):
        value, interval = drawn.difference(a, b)
        compared.append(
            Compared(names[a], names[b], Estimate(value, sure(interval)), pairs.get((a, b), ()))
        )
    return QuestionFound(definition.questions[question], methods, tuple(compared), left)


def _share(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))
