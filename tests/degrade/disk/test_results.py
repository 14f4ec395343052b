from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from degrade.disk.files import publish
from degrade.disk.journal import Journal
from degrade.disk.processes import unique_token
from degrade.disk.results import (
    RECORD_NAME,
    Results,
    refuse_other_files,
    refuse_taken,
    write_new,
    write_over,
)
from degrade.errors import DegradeError

IN_THE_WAY = "is there and was not made by this command, or changed since"

WRITES = {
    "write": "Results(path.parent, 'draw').write(path, b'whole')",
    "write_new": "write_new(path, b'whole')",
    "write_over": "write_over(path, b'whole', is_own=lambda path: True)",
}


def identity(path: Path) -> tuple[int, int, int, int]:
    status = path.stat()
    return status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns


def test_results_replace_what_the_same_command_has_made(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    for content in (b"one", b"two", b"one"):  # each as a run of its own
        Results.at(path, "draw").write(path, content)
        assert path.read_bytes() == content
    lines = [json.loads(line) for line in (tmp_path / RECORD_NAME).read_bytes().splitlines()]
    assert [line["file"] for line in lines] == ["a.png"] * 2  # a known hash needs no new line


@pytest.mark.parametrize("change", ["edited", "another", "made elsewhere", "link", "folder"])
def test_results_refuse_what_is_not_theirs(tmp_path: Path, change: str) -> None:
    path = tmp_path / "a.png"
    Results.at(path, "convert" if change == "another" else "draw").write(path, b"mine")
    if change == "edited":
        path.write_bytes(b"mine!")
    elif change == "made elsewhere":
        (tmp_path / RECORD_NAME).unlink()
    elif change == "link":
        path.rename(tmp_path / "b.png")
        path.symlink_to("b.png")
    elif change == "folder":
        path.unlink()
        path.mkdir()
    before = identity(path)
    # No setting lets a file replace a folder.
    remedy = "choose another name$" if change == "folder" else "choose .* `overwrite`"

    def write(results: Results) -> None:
        results.write(path, b"new")

    for refuses in (lambda: Results.at(path, "draw"), lambda: write(Results(tmp_path, "draw"))):
        with pytest.raises(DegradeError, match=f"a.png/? {IN_THE_WAY}; {remedy}"):
            refuses()
    assert identity(path) == before

    if change == "folder":
        with pytest.raises(DegradeError, match=IN_THE_WAY):
            write(Results(tmp_path, "draw", overwrite=True))
        return
    write(Results(tmp_path, "draw", overwrite=True))
    assert path.read_bytes() == b"new" and not path.is_symlink()
    write(Results(tmp_path, "draw"))


def test_results_name_all_that_is_in_the_way(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}" for number in range(7)]
    for path in paths:
        path.touch()
    with pytest.raises(DegradeError, match=r"/0, .*/4 and 2 more are there and were not made"):
        Results(tmp_path, "draw").require_free(paths)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in paths}


def test_results_keep_a_file_that_appears_while_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a"
    append = Journal.append

    def appear(journal: Journal, record: dict[str, object]) -> None:
        append(journal, record)
        path.write_bytes(b"mine")

    monkeypatch.setattr(Journal, "append", appear)
    for _ in range(2):  # of its name; in the place of the command's own
        with pytest.raises(DegradeError, match=IN_THE_WAY):
            Results(tmp_path, "draw").write(path, os.urandom(9))
        assert path.read_bytes() == b"mine"
        path.unlink()
        with monkeypatch.context() as undisturbed:
            undisturbed.setattr(Journal, "append", append)
            Results(tmp_path, "draw").write(path, b"own")
    assert {each.name for each in tmp_path.iterdir()} == {"a", RECORD_NAME}


def test_results_know_what_a_killed_run_has_left(tmp_path: Path) -> None:
    """A line is there before its file: the file before it counts still."""
    path = tmp_path / "sub" / "a"
    path.parent.mkdir()
    results = Results(tmp_path, "draw")
    results.write(path, b"old")
    shutil.copy(path, tmp_path / "kept")
    results.write(path, b"new")
    shutil.copy(tmp_path / "kept", path)
    Results(tmp_path, "draw").write(path, b"newer")
    assert path.read_bytes() == b"newer"


def test_results_leave_nothing_when_a_file_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DegradeError, match="none/a: cannot be written"):
        Results(tmp_path / "none", "draw").write(tmp_path / "none" / "a", b"")
    assert not list(tmp_path.iterdir())


def test_results_stay_in_their_folder(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "sub").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DegradeError, match="leads outside"):
        Results(tmp_path / "out", "draw").write(tmp_path / "out" / "sub" / "a", b"")
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("content", [b"my list\n", b"{}\n", b'{"file": "a"}\n', b"[]\n", None])
def test_results_do_not_write_into_a_persons_record(tmp_path: Path, content: bytes | None) -> None:
    record = tmp_path / RECORD_NAME
    if content is None:
        record.symlink_to("elsewhere")
    else:
        record.write_bytes(content)
    with pytest.raises(DegradeError, match=r"\.degrade\.jsonl is there"):
        Results.at(tmp_path / "a", "draw")
    assert content is None or record.read_bytes() == content
    assert not (tmp_path / "elsewhere").exists()


def test_results_survive_any_cut_of_their_record(tmp_path: Path) -> None:
    path = tmp_path / "a"
    Results(tmp_path, "draw").write(path, b"own")
    whole = (tmp_path / RECORD_NAME).read_bytes()
    for end in range(len(whole) - 1):
        (tmp_path / RECORD_NAME).write_bytes(whole[:end])
        with pytest.raises(DegradeError, match=f"a {IN_THE_WAY}"):
            Results(tmp_path, "draw").write(path, b"new")
        Results(tmp_path, "draw").write(tmp_path / f"b{end}", b"other")


def test_write_new_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_new(path, b"one")
    before = identity(path)
    write_new(path, b"one")
    assert identity(path) == before
    with pytest.raises(DegradeError, match=f"a {IN_THE_WAY}; go away"):
        write_new(path, b"two", remedy="go away")
    assert identity(path) == before
    refuse_taken([], "")


@pytest.mark.parametrize("links", [True, False])
def test_publish_takes_no_name_that_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def no_links(*_paths: object) -> None:
        raise PermissionError("no links here")

    if not links:  # such as exFAT
        monkeypatch.setattr(os, "link", no_links)
    finished, path = tmp_path / "t", tmp_path / "a"
    finished.write_bytes(b"new")
    path.symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        publish(finished, path, replace=False)
    path.unlink()
    publish(finished, path, replace=False)
    assert path.read_bytes() == b"new" and path.stat().st_nlink == 1 and not finished.exists()


@pytest.mark.parametrize("denied", ["write", "read"])
def test_results_do_without_a_record_that_is_another_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, denied: str
) -> None:
    """Such as in a folder of weights that several people write to."""
    path = tmp_path / "a"
    Results(tmp_path, "draw").write(path, b"own")
    opened = Journal.open

    def refuse(journal: Journal) -> None:
        raise PermissionError(13, "Permission denied", str(journal.path))

    monkeypatch.setattr(Journal, "open", refuse)
    if denied == "read":
        monkeypatch.setattr(os, "access", lambda *_: False)
    Results(tmp_path, "draw").write(tmp_path / "b", b"new")
    monkeypatch.setattr(Journal, "open", opened)
    with pytest.raises(DegradeError, match=f"b {IN_THE_WAY}"):
        Results(tmp_path, "draw").write(tmp_path / "b", b"newer")


def test_write_over_asks_the_file_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"

    def is_own(found: Path) -> bool:
        return found.read_bytes().startswith(b"own")

    for content in (b"own 1", b"own 2"):
        write_over(path, content, is_own=is_own)
        assert path.read_bytes() == content
    for change in (lambda: path.write_bytes(b"mine"), lambda: path.symlink_to("b"), path.mkdir):
        path.unlink()
        change()
        with pytest.raises(DegradeError, match=IN_THE_WAY):
            write_over(path, b"own 3", is_own=is_own)
        if not path.is_dir() and not path.is_symlink():
            assert path.read_bytes() == b"mine"
    path.rmdir()
    # It appears between the question and the writing.
    monkeypatch.setattr(os.path, "lexists", lambda found: False)
    path.write_bytes(b"mine")
    with pytest.raises(DegradeError, match=IN_THE_WAY):
        write_over(path, b"own", is_own=is_own)
    assert path.read_bytes() == b"mine"


def test_refuse_other_files_passes_over_what_is_no_content() -> None:
    temporary = f"a.{unique_token()}.tmp"
    refuse_other_files("out", [".DS_Store", ".lock", "lost+found", temporary], "pool")
    with pytest.raises(DegradeError, match=r"out holds other files \(a, b\) and is no pool; give"):
        refuse_other_files("out", ["b", "a", ".hidden"], "pool")


@pytest.mark.parametrize("call", WRITES)
@pytest.mark.parametrize("step", ["fsync", "unlink"])
def test_results_remove_what_a_killed_run_has_left_beside_them(
    tmp_path: Path, call: str, step: str
) -> None:
    folder = tmp_path / "a folder below"
    folder.mkdir()
    kept = {"mine.tmp", f"b.{unique_token()}.tmp"}  # a person's; another run's that lives
    for name in kept:
        (folder / name).touch()
    script = f"""
import os, signal, sys
from pathlib import Path
from degrade.disk.results import *
path = Path(sys.argv[1])
if {step!r} in sys.argv:
    os.{step} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
{WRITES[call]}
"""
    run = [sys.executable, "-c", script, str(folder / "a.png")]
    assert subprocess.run([*run, step]).returncode == -signal.SIGKILL
    assert {path.name for path in folder.iterdir()} - kept - {RECORD_NAME, "a.png"}
    subprocess.run(run, check=True)
    assert {path.name for path in folder.iterdir()} - {RECORD_NAME} == {"a.png", *kept}
