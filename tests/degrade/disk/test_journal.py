from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from degrade.disk.journal import Journal
from degrade.errors import DegradeError, InputError


def write(path: Path, *records: dict[str, object], durable: bool = False) -> None:
    with Journal(path, durable=durable) as journal:
        for record in records:
            journal.append(record)


@pytest.mark.parametrize("durable", [False, True])
def test_journal_gives_back_what_was_appended(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "j.jsonl"
    assert Journal(path).read() == []
    records = [{"b": 1, "a": "ü\n\udcff"}, {"a": [1.5, None]}]
    write(path, records[0], durable=durable)
    write(path, records[1], durable=durable)
    assert Journal(path).read() == records
    assert path.read_bytes() == b'{"b": 1, "a": "\\u00fc\\n\\udcff"}\n{"a": [1.5, null]}\n'


def test_append_is_seen_before_the_journal_is_closed(tmp_path: Path) -> None:
    with Journal(tmp_path / "j") as journal:
        journal.append({"a": 1})
        assert Journal(tmp_path / "j").read() == [{"a": 1}]


def test_journal_cut_anywhere_loses_its_last_line_only_and_goes_on(tmp_path: Path) -> None:
    path, records = tmp_path / "j", [{"n": 1}, {"n": 22}, {"n": 333}]
    write(path, *records)
    whole = path.read_bytes()
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        # A line without its end may be whole all the same.
        left = [{"n": 1}] * (end >= 8) + [{"n": 22}] * (end >= 18) + [{"n": 333}] * (end >= 29)
        assert Journal(path).read() == left
        write(path, {"next": True})
        assert Journal(path).read() == [*left, {"next": True}]


@pytest.mark.parametrize("line", [b"\xff", b"[" * 99_999, b"{", b"1 2", b"\0"])
def test_read_passes_over_damaged_lines(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'{"n": 1}\n' + line + b'\n{"n": 2}\n')
    assert Journal(path).read() == [{"n": 1}, {"n": 2}]


def test_keep_leaves_the_bytes_of_what_it_keeps(tmp_path: Path) -> None:
    path = tmp_path / "j"
    Journal(path).keep(lambda record: True)
    assert not path.exists()
    path.write_bytes(b'{"n":1}\nnothing\n{"n": 2}\n{"n":3}\n{"n": 4')
    Journal(path).keep(lambda record: record["n"] != 2)
    assert path.read_bytes() == b'{"n":1}\n{"n":3}\n'


def test_journal_is_not_written_through_a_link(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"")
    (tmp_path / "j").symlink_to(elsewhere)
    with pytest.raises(OSError, match="symbolic link"):
        write(tmp_path / "j", {"n": 1})
    assert elsewhere.read_bytes() == b""


def test_append_refuses_numbers_that_json_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(tmp_path / "j", {"n": math.nan})
    assert (tmp_path / "j").read_bytes() == b""


def test_append_wants_an_open_journal(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not open"):
        Journal(tmp_path / "j").append({})


def test_read_refuses_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "j").mkdir()
    with pytest.raises(InputError, match="not a regular file"):
        Journal(tmp_path / "j").read()


@pytest.mark.parametrize("durable", [False, True])
def test_open_flushes_the_folder_once_when_lines_are_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, durable: bool
) -> None:
    flushed: list[str] = []

    def record_and_flush(descriptor: int, flush: Callable[[int], None] = os.fsync) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", record_and_flush)
    for number in range(2):
        write(tmp_path / "j", {"n": number}, durable=durable)
    assert flushed == ([tmp_path.name, "j", "j"] if durable else [])


def test_open_flushes_the_folder_of_a_file_that_a_killed_writer_left_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "j").touch()
    flushed: list[Path] = []
    monkeypatch.setattr("degrade.disk.journal.fsync_folder", flushed.append)
    write(tmp_path / "j", {"n": 1}, durable=True)
    assert flushed == [tmp_path]


def test_a_journal_that_grows_leaves_its_other_names_alone(tmp_path: Path) -> None:
    path, backup = tmp_path / "j", tmp_path / "backup"
    write(path, {"n": 1})
    backup.hardlink_to(path)
    write(path, {"n": 2})
    assert Journal(backup).read() == [{"n": 1}] and Journal(path).read() == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("content", [b"", b"{", b'{"n', b'{"n": 1}\n', b"?\n" + b'{"n": 2}\n{'])
def test_require_own_takes_journals_and_what_is_left_of_them(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "j").write_bytes(content)
    Journal(tmp_path / "j").require_own(lambda record: "n" in record)
    Journal(tmp_path / "none").require_own(lambda record: False)


@pytest.mark.parametrize("content", [b"\n", b"my diary\n", b"my diary", b'{"m": 1}\n', None])
def test_require_own_refuses_other_files(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "j"
    if content is None:
        write(tmp_path / "k", {"n": 1})
        path.symlink_to("k")
    else:
        path.write_bytes(content)
    with pytest.raises(DegradeError, match="j is there and was not written by this command"):
        Journal(path).require_own(lambda record: isinstance(record, dict) and "n" in record)
