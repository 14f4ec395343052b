"""Raters and their votes: who begins, what is asked of whom, which answers count."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from degrade.errors import DegradeError
from degrade.opinions import Role, Trial
from degrade.studies.votes_file import VotesFile

__all__ = ["Rater", "Vote", "VoteRefusedError", "Votes", "secret_hash"]

_MOST_CHANGES = 50
"""Times that a rater may change one answer."""

_LAST = 2.5e11
"""Seconds since 1970, in the year 9892: dates of Python end with 9999."""

_RATER = (int, int, int)
_TRIAL = (int, int, int, str, int)
_CAST = (int, int, int, *_TRIAL, int, float, float, int)
"""Types of rows: SQLite keeps whatever it is given, in a column of any type."""


class VoteRefusedError(DegradeError):
    """A vote does not fit what its rater has been shown; nothing was kept of it."""


@dataclass(frozen=True, slots=True)
class Rater:
    """A rater.

    Attributes
    ----------
    number : int
        From 0 on, in the order in which they began.
    trials, answered : int
        How many they are to see, and up to which they have answered.
    """

    number: int
    trials: int
    answered: int


@dataclass(frozen=True, slots=True)
class Vote:
    """A rater's last answer to a question about a trial.

    Attributes
    ----------
    rater, number, question : int
        The trial's number is from 1 on.
    trial : Trial
    answer : int
        A score; or 1, the first, 2, the second, 0, neither.
    at : float
        Seconds since 1970.
    seconds : float
        For how long the trial was looked at, as the browser says.
    changes : int
        How often it was changed.
    """

    rater: int
    number: int
    question: int
    trial: Trial
    answer: int
    at: float
    seconds: float
    changes: int


def secret_hash(secret: str) -> str:
    """Return what is kept of a rater's secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


class Votes:
    """The votes of a study.

    Several threads may use it: what they ask is done one after the other. What has returned is on
    the disk (:class:`~degrade.studies.votes_file.VotesFile`).

    Parameters
    ----------
    path : Path
        ``votes.db``; made when missing.

    Raises
    ------
    DegradeError
        It cannot be opened.
    CorruptDataError
        It is no such file, or of another version.
    """

    def __init__(self, path: Path) -> None:
        self._file = VotesFile(path)

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self._file.path

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Votes:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def fact(self, name: str, otherwise: str) -> str:
        """Return a text that is kept under a name; ``otherwise`` is, from the first call on."""
        with self._file.transaction() as file:
            file.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (name, otherwise))
            row = file.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(row[0])

    def begin(self, secret: str, plan: Callable[[int], Sequence[Trial]], *, most: int) -> Rater:
        """Return the rater of a secret; a new one with the next number where there is none.

        Parameters
        ----------
        secret : str
        plan : callable
            Returns the trials of a rater, by number.
        most : int
            So many raters there may be.

        Raises
        ------
        VoteRefusedError
            There are so many already.
        """
        hashed = secret_hash(secret)
        with self._file.transaction() as file:
            known = self._rater_of(file, hashed)
            if known is not None:
                return known
            number = int(file.execute("SELECT COUNT(*) FROM raters").fetchone()[0])
            if number >= most:
                raise VoteRefusedError(f"this study has its {most} raters already")
            trials = plan(number)
            file.execute(
                "INSERT INTO raters (number, secret_sha256, begun, trials) VALUES (?, ?, ?, ?)",
                (number, hashed, time.time(), len(trials)),
            )
            file.executemany(
                "INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (number, place, t.image, t.first, t.second, t.role, t.of)
                    for place, t in enumerate(trials, 1)
                ),
            )
            return Rater(number, len(trials), 0)

    def rater(self, secret: str) -> Rater | None:
        """Return the rater of a secret; None where there is none."""
        with self._file.reading() as file:
            return self._rater_of(file, secret_hash(secret))

    def trial(self, rater: int, number: int) -> Trial | None:
        """Return a trial of a rater by its number, from 1 on; None where there is none."""
        with self._file.reading() as file:
            row = file.execute(
                "SELECT image, first, second, role, of FROM trials WHERE rater = ? AND number = ?",
                (rater, number),
            ).fetchone()
        return None if row is None else Trial(*self._file.checked([row], _TRIAL)[0])

    def trials(self, rater: int) -> list[Trial]:
        """Return all trials of a rater, in order."""
        with self._file.reading() as file:
            rows = file.execute(
                "SELECT image, first, second, role, of FROM trials WHERE rater = ? ORDER BY number",
                (rater,),
            ).fetchall()
        return [Trial(*row) for row in self._file.checked(rows, _TRIAL)]

    def answers(self, rater: int, number: int) -> dict[int, int]:
        """Return a rater's last answers to a trial, by question."""
        with self._file.reading() as file:
            rows = file.execute(
                "SELECT question, answer FROM votes WHERE rater = ? AND trial = ? ORDER BY id",
                (rater, number),
            ).fetchall()
        return dict(self._file.checked(rows, (int, int)))

    def vote(
        self, rater: int, number: int, answers: Mapping[int, int], *, key: str, seconds: float
    ) -> Rater:
        """Keep answers to a trial; those given before stay in the file, and the last ones count.

        Answers that are those of before change nothing.

        Parameters
        ----------
        rater, number : int
        answers : mapping of int to int
            By question.
        key : str
            Of this act of voting: what is sent twice counts once. Other answers with a key that is
            known are a change.
        seconds : float
            For how long the trial was looked at.

        Returns
        -------
        Rater
            As it is then.

        Raises
        ------
        VoteRefusedError
            The trial is not the rater's next one nor one before, or was changed too often.
        """
        with self._file.transaction() as file:
            row = file.execute(
                "SELECT number, trials, answered FROM raters WHERE number = ?", (rater,)
            ).fetchone()
            if row is not None:
                self._file.checked([row], _RATER)
            if row is None or not 1 <= number <= min(row[2] + 1, row[1]):
                raise VoteRefusedError("this is not the next image to be judged")
            same = file.execute(
                "SELECT question, answer FROM votes WHERE rater = ? AND trial = ? AND key = ?",
                (rater, number, key),
            )
            if dict(same.fetchall()) not in ({}, dict(answers)):
                # Whoever changes an answer whose confirmation was lost may send the same key.
                key = f"{key}:{sorted(answers.items())}"
            said = file.execute(
                "SELECT COUNT(DISTINCT key), COALESCE(MAX(key = ?), 0) FROM votes "
                "WHERE rater = ? AND trial = ?",
                (key, rater, number),
            ).fetchone()
            if said[0] > _MOST_CHANGES and not said[1]:
                raise VoteRefusedError("this answer was changed too often")
            last = file.execute(
                "SELECT question, answer FROM votes WHERE rater = ? AND trial = ? ORDER BY id",
                (rater, number),
            )
            changed = dict(last.fetchall()) != dict(answers)
            file.executemany(
                "INSERT OR IGNORE INTO votes (rater, trial, question, answer, key, at, seconds) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (rater, number, question, answer, key, time.time(), seconds)
                    for question, answer in (sorted(answers.items()) if changed else ())
                ),
            )
            answered = max(int(row[2]), number)
            file.execute("UPDATE raters SET answered = ? WHERE number = ?", (answered, rater))
            return Rater(row[0], row[1], answered)

    def raters(self) -> list[Rater]:
        """Return all raters, by number."""
        with self._file.reading() as file:
            return self._raters(file)

    def all_votes(self) -> list[Vote]:
        """Return the last answer of each rater to each question of each trial, in that order.

        Raises
        ------
        CorruptDataError
            The file cannot be read, holds a value of another type, or an answer to a trial that it
            does not know.
        """
        with self._file.reading() as file:
            return self._all_votes(file)

    def raters_and_votes(self) -> tuple[list[Rater], list[Vote]]:
        """Return all raters and :meth:`all_votes`, of one moment, also while others vote.

        Raises
        ------
        CorruptDataError
            As of :meth:`all_votes`.
        """
        # By "BEGIN", what is read at once is of one state, and waits for none.
        with self._file.transaction("BEGIN") as file:
            return self._raters(file), self._all_votes(file)

    def _raters(self, file: sqlite3.Connection) -> list[Rater]:
        rows = file.execute(
            "SELECT number, trials, answered FROM raters ORDER BY number"
        ).fetchall()
        return [Rater(*row) for row in self._file.checked(rows, _RATER)]

    def _all_votes(self, file: sqlite3.Connection) -> list[Vote]:
        rows = file.execute(
            "SELECT v.rater, v.trial, v.question, t.image, t.first, t.second, t.role, t.of, "
            "v.answer, v.at, v.seconds, c.changes FROM votes v "
            "JOIN (SELECT MAX(id) AS id, COUNT(*) - 1 AS changes FROM votes "
            "GROUP BY rater, trial, question) c ON c.id = v.id "
            "LEFT JOIN trials t ON t.rater = v.rater AND t.number = v.trial "
            "ORDER BY v.rater, v.trial, v.question"
        ).fetchall()
        if any(r[3] is None for r in rows):  # else it would be missing without a word
            raise self._file.damaged("a vote without its trial")
        self._file.checked(rows, _CAST)
        if not all(0 <= r[9] < _LAST and r[10] >= 0 for r in rows):
            raise self._file.damaged("a time that no clock tells")
        return [
            Vote(r[0], r[1], r[2], Trial(r[3], r[4], r[5], cast(Role, r[6]), r[7]), *r[8:])
            for r in rows
        ]

    def _rater_of(self, file: sqlite3.Connection, secret_sha256: str) -> Rater | None:
        row = file.execute(
            "SELECT number, trials, answered FROM raters WHERE secret_sha256 = ?", (secret_sha256,)
        ).fetchone()
        return None if row is None else Rater(*self._file.checked([row], _RATER)[0])
