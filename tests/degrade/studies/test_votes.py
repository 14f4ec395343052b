"""Votes in SQLite."""

from __future__ import annotations

import sqlite3

import pytest

from degrade.errors import CorruptDataError
from degrade.studies import Rater, VoteRefusedError, Votes
from degrade.studies.votes import secret_hash
from tests.degrade.studies.plans import PLAN, plan


def test_begin_numbers_raters_and_knows_them_again(votes: Votes) -> None:
    assert votes.begin("a", plan, most=2) == Rater(0, 3, 0)
    assert votes.begin("b", plan, most=2).number == 1
    assert votes.begin("a", plan, most=2).number == 0
    with pytest.raises(VoteRefusedError, match="2 raters"):
        votes.begin("c", plan, most=2)
    assert votes.rater("c") is None and votes.trials(1) == PLAN


def test_begin_keeps_no_secret(votes: Votes) -> None:
    votes.begin("very secret", plan, most=9)
    votes.vote(0, 1, {0: 1}, key="k", seconds=1)
    content = b"".join(path.read_bytes() for path in votes.path.parent.iterdir())
    assert b"very secret" not in content and secret_hash("very secret").encode() in content


def test_vote_counts_once_whatever_is_sent_again(votes: Votes) -> None:
    votes.begin("a", plan, most=9)
    for _ in range(3):
        assert votes.vote(0, 1, {0: 1, 1: 2}, key="k", seconds=1).answered == 1
    assert votes.vote(0, 1, {0: 1, 1: 2}, key="other", seconds=1).answered == 1
    assert [(v.question, v.answer, v.changes) for v in votes.all_votes()] == [(0, 1, 0), (1, 2, 0)]


def test_vote_may_be_changed_and_what_was_said_stays(votes: Votes) -> None:
    votes.begin("a", plan, most=9)
    votes.vote(0, 1, {0: 1}, key="first", seconds=1)
    votes.vote(0, 2, {0: 2}, key="second", seconds=1)
    votes.vote(0, 1, {0: 2}, key="third", seconds=1)
    votes.vote(0, 1, {0: 1}, key="first", seconds=1)  # the first, sent again late
    assert votes.answers(0, 1) == {0: 2} and votes.raters()[0].answered == 2
    assert votes.all_votes()[0].changes == 1
    with sqlite3.connect(votes.path) as file:
        rows = file.execute("SELECT answer FROM votes WHERE trial = 1 ORDER BY id").fetchall()
    assert rows == [(1,), (2,)]


def test_vote_with_a_known_key_and_other_answers_is_a_change(votes: Votes) -> None:
    """The confirmation was lost, and the rater changed the answer before it was sent again."""
    votes.begin("a", plan, most=9)
    for answers in ({0: 2, 1: 1}, {0: 5, 1: 1}, {0: 5, 1: 1}, {0: 2, 1: 1}):  # the first, late
        assert votes.vote(0, 1, answers, key="k", seconds=1).answered == 1
    assert votes.answers(0, 1) == {0: 5, 1: 1}
    assert [vote.changes for vote in votes.all_votes()] == [1, 1]


@pytest.mark.parametrize("number", [0, 2, 4, -1])
def test_vote_refuses_what_is_not_next(votes: Votes, number: int) -> None:
    votes.begin("a", plan, most=9)
    with pytest.raises(VoteRefusedError, match="not the next"):
        votes.vote(0, number, {0: 1}, key="k", seconds=1)
    assert votes.all_votes() == []


@pytest.mark.parametrize("changes_key", [True, False])
def test_vote_refuses_endless_changes(votes: Votes, changes_key: bool) -> None:
    votes.begin("a", plan, most=9)
    with pytest.raises(VoteRefusedError, match="too often"):
        for number in range(200):
            answers = {0: number % 3 if changes_key else number}
            votes.vote(0, 1, answers, key=f"key{number * changes_key}", seconds=1)
    with sqlite3.connect(votes.path) as file:
        assert file.execute("SELECT COUNT(*) FROM votes").fetchone()[0] < 60


def test_all_votes_tell_what_was_shown(votes: Votes) -> None:
    votes.begin("a", plan, most=9)
    for number in (1, 2, 3):
        votes.vote(0, number, {0: 1}, key=f"k{number}", seconds=number)
    assert [vote.trial for vote in votes.all_votes()] == PLAN
    assert [vote.seconds for vote in votes.all_votes()] == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("UPDATE votes SET question = 'x'", "a value of another type"),
        ("UPDATE votes SET answer = 2.5", "a value of another type"),
        ("UPDATE trials SET image = x'ff00'", "a value of another type"),
        ("UPDATE trials SET first = 1e999", "a value of another type"),
        ("UPDATE votes SET seconds = 1e999", "a value of another type"),
        ("UPDATE votes SET at = 1e300", "a time that no clock tells"),
        ("UPDATE votes SET seconds = -1.0", "a time that no clock tells"),
        ("UPDATE raters SET answered = 'many'", "a value of another type"),
        ("UPDATE trials SET role = CAST(x'ff41' AS TEXT)", "a text that is no UTF-8"),
    ],
)
def test_values_of_another_type_are_refused_with_the_file(
    votes: Votes, change: str, said: str
) -> None:
    """SQLite keeps what it is given: a damaged or edited file may hold anything."""
    votes.begin("a", plan, most=9)
    votes.vote(0, 1, {0: 1}, key="k", seconds=1)
    with sqlite3.connect(votes.path) as file:
        file.execute(change)
    with pytest.raises(CorruptDataError, match=rf"votes\.db is damaged \({said}\); restore"):
        assert votes.raters() and votes.all_votes()
    with pytest.raises(CorruptDataError, match=said):
        votes.raters_and_votes()


def test_raters_and_votes_are_of_one_moment(votes: Votes) -> None:
    """Of a study that is served: what is voted between the two readings is of neither."""
    votes.begin("a", plan, most=9)
    votes.vote(0, 1, {0: 1}, key="k", seconds=1)
    with Votes(votes.path) as other:
        read = other._raters

        def meanwhile(file: sqlite3.Connection) -> list[Rater]:
            found = read(file)
            votes.vote(0, 2, {0: 1}, key="l", seconds=1)
            votes.begin("b", plan, most=9)
            return found

        other._raters = meanwhile  # type: ignore[method-assign]
        raters, cast = other.raters_and_votes()
        assert [rater.answered for rater in raters] == [vote.number for vote in cast] == [1]
        assert [rater.answered for rater in other.raters()] == [2, 0]


def test_votes_name_a_vote_without_its_trial(votes: Votes) -> None:
    votes.begin("secret", plan, most=9)
    for number in (1, 2):
        votes.vote(0, number, {0: 3}, key=f"key {number}", seconds=1.0)
    assert len(votes.all_votes()) == 2
    with sqlite3.connect(votes.path) as file:
        file.execute("UPDATE votes SET trial = 7 WHERE trial = 2")
    file.close()
    with pytest.raises(CorruptDataError, match=r"votes\.db is damaged \(a vote without its trial"):
        votes.all_votes()
