"""What votes say."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from degrade.errors import CorruptDataError
from degrade.opinions import Kind, Trial
from degrade.studies import Rater, Vote, find_in_votes
from tests.degrade.studies.studying import define, simulate


def test_find_in_votes_ranks_methods_by_scores(rng: np.random.Generator) -> None:
    definition = define("mos", ("good", "bad", "fair"), 30)
    found = find_in_votes(definition, *simulate(definition, 12, (3.8, 2.4, 3.1), rng))
    (question,) = found.questions
    assert [method.name for method in question.methods] == ["good", "fair", "bad"]
    for method, truth in zip(question.methods, (3.8, 3.1, 2.4), strict=True):
        assert method.value.interval is not None
        assert abs(method.value.value - truth) < 0.5  # the raters' mean bias is not theirs to tell
        assert sum(method.counts) == 12 * 30
    differences = {(each.first, each.second): each.difference for each in question.compared}
    assert abs(differences["good", "bad"].value - 1.4) < 0.15
    assert all(each.is_sure for each in differences.values())
    assert len(found.raters) == len(found.counted) == 12 and found.votes == 12 * 90


def test_an_answer_that_was_lost_is_refused(rng: np.random.Generator) -> None:
    """Without a question's votes there is nothing to divide by, and with some the rest misleads."""
    definition = define("pairs", ("a", "b"), 4)
    people, votes = simulate(definition, 3, (1.0, 0.0), rng)
    for left in (
        [v for v in votes if v.question == 0],
        votes[1:],
        [votes[0], votes[0], *votes[2:]],
    ):
        with pytest.raises(CorruptDataError, match="rater 1 has 1 of 2 answers to trial 1:"):
            find_in_votes(definition, people, left)


@pytest.mark.parametrize("kind", ["mos", "pairs"])
def test_answers_that_were_wholly_lost_are_refused(kind: Kind, rng: np.random.Generator) -> None:
    """Of trials without any answer nothing is left but how far their rater has come."""
    definition = define(kind, ("a", "b"), 4)
    people, votes = simulate(definition, 3, (4.0, 2.0), rng)
    asked = len(definition.questions)
    last = people[0].answered
    for lost in (2, last):
        left = [v for v in votes if (v.rater, v.number) != (0, lost)]
        with pytest.raises(CorruptDataError, match=f"1 has 0 of {asked} answers to trial {lost}:"):
            find_in_votes(definition, people, left)
    silent = [v for v in votes if v.rater != 1]
    with pytest.raises(CorruptDataError, match=f"rater 2 has 0 of {asked} answers to trial 1:"):
        find_in_votes(definition, people, silent)
    with pytest.raises(CorruptDataError, match="rater 2 has voted and is none of the raters"):
        find_in_votes(definition, [people[0], people[2]], votes)
    for answered in (last - 1, last + 1):  # all are there, and the count is not theirs
        counted = [replace(people[0], answered=answered), *people[1:]]
        with pytest.raises(CorruptDataError, match=f"is said to have answered {answered} of"):
            find_in_votes(definition, counted, votes)
    part = [v for v in votes if v.rater != 0 or v.number <= 3]
    found = find_in_votes(definition, [replace(people[0], answered=3), *people[1:]], part)
    assert [rater.answered for rater in found.raters] == [3, people[1].answered, people[2].answered]


def test_find_in_votes_tells_preferences_question_by_question(rng: np.random.Generator) -> None:
    definition = define("pairs", ("a", "b", "c"), 20)
    people, votes = simulate(definition, 10, (0.8, 0.0, -0.4), rng)
    turned = {1: 2, 2: 1, 0: 0}
    votes = [
        vote
        if vote.question == 0
        else Vote(*(*_start(vote), turned[vote.answer], vote.at, vote.seconds, vote.changes))
        for vote in votes
    ]
    found = find_in_votes(definition, people, votes)
    assert [m.name for m in found.questions[0].methods] == ["a", "b", "c"]
    assert [m.name for m in found.questions[1].methods] == ["c", "b", "a"]
    first = found.questions[0].compared[0]
    assert (first.first, first.second) == ("a", "b") and sum(first.counts) == 200
    truth = 1 / (1 + math.exp(-0.8))
    assert abs(first.preferred.value - truth) < 0.1
    assert first.preferred.interval is not None and first.preferred.interval[0] > 0.5
    left, decided = found.questions[0].left
    assert abs(left / decided - 0.5) < 3 * (0.25 / decided) ** 0.5


def _start(vote: Vote) -> tuple[int, int, int, Trial]:
    return vote.rater, vote.number, vote.question, vote.trial


def test_find_in_votes_names_blind_raters_and_leaves_them_out(rng: np.random.Generator) -> None:
    definition = define("mos", ("good", "bad"), 60)
    people, votes = simulate(definition, 14, (4.2, 2.2), rng, blind=(3, 5))
    found = find_in_votes(definition, people, votes)
    assert {r.number for r in found.raters if r.attention.has_failed} == {4, 6}
    kept = find_in_votes(definition, people, votes, drop_failing=True)
    assert set(kept.counted) == set(range(1, 15)) - {4, 6} and len(kept.raters) == 14
    assert kept.votes == 12 * 120
    gap = [each.questions[0].compared[0].difference.value for each in (found, kept)]
    assert gap[1] > gap[0]
    spread = {r.number: r.inconsistency for r in found.raters}
    assert min(spread[4], spread[6]) > 1.5 * np.median(list(spread.values()))
    assert all(math.isnan(r.bias) for r in kept.raters if r.number in (4, 6))


def test_find_in_votes_counts_no_checks(rng: np.random.Generator) -> None:
    definition = define("mos", ("one",), 8)
    people, votes = simulate(definition, 3, (3.0,), rng)
    found = find_in_votes(definition, people, votes)
    assert found.votes == 3 * 8 < len(votes)


def test_find_in_votes_of_two_raters_is_not_sure() -> None:
    definition = define("mos", ("a", "b"), 4, check_every=0)
    people, votes = simulate(definition, 2, (4.0, 2.0), np.random.default_rng(1))
    found = find_in_votes(definition, people, votes)
    assert all(method.value.interval is None for method in found.questions[0].methods)
    assert not any(each.difference.is_sure for each in found.questions[0].compared)


def test_find_in_votes_without_votes_tells_nothing() -> None:
    definition = define("pairs", ("a", "b"), 2)
    found = find_in_votes(definition, [Rater(0, 4, 0)], [])
    assert found.questions == () and found.raters == () and found.votes == 0


def test_find_in_votes_of_part_of_the_methods_tells_of_those() -> None:
    """Who has begun only just has not seen all."""
    definition = define("mos", ("a", "b", "never seen"), 2, check_every=0)
    votes = [Vote(r, 1, 0, Trial(0, r % 2), 3 + r % 2, 1e9, 1.0, 0) for r in range(4)]
    found = find_in_votes(definition, [Rater(r, 6, 1) for r in range(4)], votes)
    assert [m.name for m in found.questions[0].methods] == ["b", "a"]


@pytest.mark.parametrize(
    "change",
    [
        {"answer": 0},
        {"answer": 6},
        {"question": 1},
        {"trial": Trial(9, 0)},
        {"trial": Trial(0, 5)},
        {"trial": Trial(0, 0, 1)},
        {"trial": Trial(0, 0, role="repeat", of=7)},
        {"trial": Trial(0, 0, role="other")},  # type: ignore[arg-type]
    ],
)
def test_find_in_votes_refuses_votes_of_another_study(change: dict[str, object]) -> None:
    definition = define("mos", ("a", "b"), 2)
    vote = replace(Vote(0, 1, 0, Trial(0, 0), 3, 1e9, 1.0, 0), **change)  # type: ignore[arg-type]
    with pytest.raises(CorruptDataError, match="restore"):
        find_in_votes(definition, [Rater(0, 4, 1)], [vote])
