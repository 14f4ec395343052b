"""The file of votes: what was confirmed is there, and what is damaged is named."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from degrade.errors import CorruptDataError, DegradeError
from degrade.studies import Rater, Votes
from tests.degrade.studies.plans import plan


def test_a_damaged_name_in_an_error_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "votes.db"
    with Votes(path) as made:
        made.begin("a", plan, most=9)
    path.write_bytes(path.read_bytes().replace(b"tabletrials", b"tabletri\xc9ls"))
    with pytest.raises(CorruptDataError, match="no UTF-8"), Votes(path) as opened:
        opened.all_votes()


@pytest.mark.parametrize("change", ["DROP TABLE votes", "ALTER TABLE votes DROP COLUMN answer"])
def test_a_file_that_lacks_what_was_made_in_it_is_damage(tmp_path: Path, change: str) -> None:
    path = tmp_path / "votes.db"
    with Votes(path) as made:
        made.begin("a", plan, most=9)
    with contextlib.closing(sqlite3.connect(path)) as file:
        file.execute(change)
    for use in (
        lambda votes: votes.all_votes(),
        lambda votes: votes.vote(0, 1, {0: 3}, key="k", seconds=1.0),
    ):
        with (
            pytest.raises(CorruptDataError, match=r"is damaged \(.*no.*\); restore it from a copy"),
            Votes(path) as opened,
        ):
            use(opened)


def test_a_folder_in_the_place_of_votes_is_named(tmp_path: Path) -> None:
    (tmp_path / "votes.db").mkdir()
    with pytest.raises(CorruptDataError, match=r"votes\.db is no file; move it away"):
        Votes(tmp_path / "votes.db")


@pytest.mark.parametrize("others", [False, True], ids=["moved away", "replaced"])
def test_no_vote_goes_into_a_file_that_lies_elsewhere(votes: Votes, others: bool) -> None:
    votes.begin("a", plan, most=9)
    away = votes.path.with_name("away.db")
    votes.path.rename(away)
    if others:
        votes.path.write_bytes(b"")
    for use in (
        lambda: votes.vote(0, 1, {0: 1}, key="k", seconds=1),
        lambda: votes.begin("b", plan, most=9),
        votes.all_votes,
    ):
        with pytest.raises(
            DegradeError, match=r"votes\.db was moved away or replaced.*put it back"
        ):
            use()
    away.replace(votes.path)
    assert votes.all_votes() == [] and votes.raters() == [Rater(0, 3, 0)]
    assert votes.vote(0, 1, {0: 1}, key="k", seconds=1).answered == 1


def test_votes_of_many_threads_are_all_there(votes: Votes) -> None:
    def rate(secret: str) -> None:
        rater = votes.begin(secret, plan, most=99)
        for number in (1, 2, 3):
            votes.vote(rater.number, number, {0: 1, 1: 0}, key=f"k{number}", seconds=1)

    threads = [threading.Thread(target=rate, args=(f"s{n}",)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(votes.all_votes()) == 12 * 3 * 2
    assert all(rater.answered == 3 for rater in votes.raters())


def test_of_several_that_find_no_file_at_once_each_has_it(tmp_path: Path) -> None:
    """Two first starts on one file: the later one found "table raters already exists"."""
    found: list[str] = []

    def begin(path: Path, start: threading.Barrier) -> None:
        start.wait()
        with Votes(path) as votes:
            found.append(votes.fact("token", "x"))

    for number in range(12):
        start = threading.Barrier(4)
        path = tmp_path / f"{number}.db"
        threads = [threading.Thread(target=begin, args=(path, start)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == ["x"] * 12 * 4


def test_votes_can_be_read_while_they_are_written(votes: Votes) -> None:
    votes.begin("a", plan, most=9)
    votes.vote(0, 1, {0: 1}, key="k", seconds=1)
    with Votes(votes.path) as other:
        assert len(other.all_votes()) == 1


def test_votes_wait_for_the_disk(votes: Votes) -> None:
    """What a killed process cannot show: a power cut takes nothing that was confirmed, either."""
    full = 2
    assert votes._file._connection.execute("PRAGMA synchronous").fetchone() == (full,)
    assert votes._file._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_votes_that_find_no_room_are_refused_and_others_stay(votes: Votes) -> None:
    votes.begin("a", plan, most=9)
    votes.vote(0, 1, {0: 1}, key="k", seconds=1)
    size = max(path.stat().st_size for path in votes.path.parent.iterdir())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with pytest.raises(DegradeError, match=r"votes\.db.*its disk"):
            votes.vote(0, 2, {0: 2}, key="l", seconds=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [vote.number for vote in votes.all_votes()] == [1]
    assert votes.vote(0, 2, {0: 2}, key="l", seconds=1).answered == 2


_WRITER = """
import sys
from pathlib import Path
from degrade.opinions import Trial
from degrade.studies import Votes
votes = Votes(Path(sys.argv[1]))
votes.begin("a", lambda n: [Trial(0, 0)] * 10_000, most=9)
for number in range(1, 10_001):
    votes.vote(0, number, {0: 1}, key=f"k{number}", seconds=1)
    print(number, flush=True)
"""


def test_votes_that_were_confirmed_outlive_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "votes.db"
    writer = subprocess.Popen([sys.executable, "-c", _WRITER, path], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    said = [writer.stdout.readline() for _ in range(5)]
    time.sleep(0.2)
    os.kill(writer.pid, signal.SIGKILL)
    said += writer.communicate()[0].splitlines(keepends=True)
    confirmed = int(said[-1])
    with Votes(path) as votes:
        assert [vote.number for vote in votes.all_votes()][:confirmed] == [*range(1, confirmed + 1)]
        assert votes.raters()[0].answered in (confirmed, confirmed + 1)


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(200)])
def test_votes_refuse_what_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "votes.db"
    path.write_bytes(content)
    with pytest.raises(CorruptDataError, match=r"votes\.db"):
        Votes(path)
    assert path.read_bytes() == content


def test_votes_refuse_another_programs_database(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "votes.db") as file:
        file.execute("CREATE TABLE mine (a)")
    file.close()
    content = (tmp_path / "votes.db").read_bytes()
    with pytest.raises(CorruptDataError, match="holds no votes"):
        Votes(tmp_path / "votes.db")
    assert (tmp_path / "votes.db").read_bytes() == content


def test_votes_name_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DegradeError, match=r"votes\.db"):
        Votes(tmp_path / "gone" / "votes.db")
