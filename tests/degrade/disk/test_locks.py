from __future__ import annotations

import fcntl
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from degrade.disk import locks
from degrade.disk.locks import folder_lock
from degrade.disk.processes import unique_token
from degrade.errors import DegradeError, FolderInUseError
from tests.torture.children import wait_until

HOLD = """
import sys
from pathlib import Path
from degrade.disk.locks import folder_lock
with folder_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def _hold(folder: Path) -> subprocess.Popen[str]:
    """Hold the lock of a folder in another process, as long as this one lives."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_folder_lock_refuses_a_second_process(tmp_path: Path) -> None:
    with _hold(tmp_path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        message = f"in use by process {holder.pid} on {socket.gethostname()} since"
        with pytest.raises(FolderInUseError, match=message), folder_lock(tmp_path):
            pass
        assert (tmp_path / ".lock").exists(), "the loser must not remove the holder's lock"
        holder.kill()
    with folder_lock(tmp_path):  # the holder was killed: stale
        assert json.loads((tmp_path / ".lock").read_bytes())["pid"] == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_folder_lock_refuses_the_same_process_twice(tmp_path: Path) -> None:
    with folder_lock(tmp_path):
        with pytest.raises(FolderInUseError), folder_lock(tmp_path):
            pass
        assert (tmp_path / ".lock").exists()
    with folder_lock(tmp_path):
        pass


def test_folder_lock_is_released_by_errors(tmp_path: Path) -> None:
    with pytest.raises(KeyError), folder_lock(tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def _lock(**changes: object) -> bytes:
    mine = {"host": socket.gethostname(), "pid": os.getpid(), "process_start": "1", "since": "x"}
    return json.dumps({**mine, **changes}).encode()


def _own_start() -> str:
    return Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]


@pytest.mark.parametrize(
    "content",
    [
        _lock(process_start="1"),  # our number, but another start: the machine was rebooted
        _lock(pid=2**22 + 1, process_start="77"),
        _lock(pid=10**30, process_start="77"),
    ],
    ids=["another start", "no such process", "no possible process"],
)
def test_folder_lock_takes_over_stale_locks(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".lock").write_bytes(content)
    with folder_lock(tmp_path):
        assert json.loads((tmp_path / ".lock").read_bytes())["process_start"] == _own_start()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: _lock(host="another-machine"),
        lambda: _lock(process_start=_own_start()),
        lambda: b"",
        lambda: b"[]",
        lambda: b"{}",
        lambda: b"\xff",
        lambda: b'{"pid": 1e999}',
    ],
)
def test_folder_lock_never_guesses_about_other_locks(
    tmp_path: Path, make: Callable[[], bytes]
) -> None:
    (tmp_path / ".lock").write_bytes(make())
    with pytest.raises(FolderInUseError, match=r"delete .*\.lock"), folder_lock(tmp_path):
        pass
    assert (tmp_path / ".lock").read_bytes() == make()


def test_folder_lock_lets_one_of_many_take_a_stale_lock(tmp_path: Path) -> None:
    (tmp_path / ".lock").write_bytes(_lock())
    runs = [_hold(tmp_path) for _ in range(4)]
    try:
        assert wait_until(lambda: sum(run.poll() is None for run in runs) <= 1)
        said = [run.stdout.readline() for run in runs if run.stdout is not None]
        assert sorted(said) == ["", "", "", "held\n"]
    finally:
        for run in runs:
            run.kill()
            run.communicate()


def test_folder_lock_is_looked_at_by_one_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".lock").write_bytes(_lock())
    link, looks = locks._link_or_create, []

    def look(source: Path, target: Path) -> None:
        descriptor = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
        looks.append(target.name)
        link(source, target)

    monkeypatch.setattr(locks, "_link_or_create", look)
    with folder_lock(tmp_path):
        descriptor = os.open(tmp_path, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert looks == [".lock", ".lock"], "the stale one is in the way of the first"

    # Somebody else's for long: nobody waits for ever.
    monkeypatch.setattr(locks, "_TURN_S", 0.01)
    with folder_lock(tmp_path):
        assert (tmp_path / ".lock").exists()
    os.close(descriptor)


def test_folder_lock_works_where_links_do_not_exist(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with folder_lock(tmp_path), pytest.raises(FolderInUseError), folder_lock(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


def test_folder_lock_says_that_the_folder_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DegradeError, match="cannot be written"), folder_lock(tmp_path / "gone"):
        pass


def test_folder_lock_of_a_killed_process_that_nobody_waited_for_is_stale(tmp_path: Path) -> None:
    with _hold(tmp_path) as child:
        assert child.stdout is not None and child.stdout.readline() == "held\n"
        with pytest.raises(FolderInUseError), folder_lock(tmp_path):
            pass
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, but left a zombie
        with folder_lock(tmp_path):
            assert str(os.getpid()) in (tmp_path / ".lock").read_text()


def test_folder_lock_clears_what_dead_processes_left(tmp_path: Path) -> None:
    with _hold(tmp_path) as child:
        assert child.stdout is not None and child.stdout.readline() == "held\n"
        mine = unique_token()
        theirs = mine.replace(f"-{os.getpid()}-", f"-{child.pid}-")
        kept = [f"a.json.{mine}.tmp", "b.tmp", f"d.json.{theirs}", f"e.00000000-{theirs[9:]}.tmp"]
        gone = [f"a.json.{theirs}.tmp", f".lock.{theirs}.tmp", f".lock.{theirs}.stale"]
        for name in (*kept, *gone):
            (tmp_path / name).write_bytes(b"")
        child.kill()
    with folder_lock(tmp_path):
        there = {path.name for path in tmp_path.iterdir()}
    assert there == {".lock", *kept}
