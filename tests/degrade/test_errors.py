from __future__ import annotations

import errno
from pathlib import Path

import pytest

from degrade.disk.failures import writing
from degrade.disk.files import make_folder
from degrade.errors import DegradeError, disk_full, not_written, shown, write_failure


def test_disk_full_says_how_much_is_free_and_needed(tmp_path: Path) -> None:
    error = OSError(errno.ENOSPC, "No space left on device")
    text = write_failure(tmp_path / "a", 3 << 20, error)
    assert text == disk_full(tmp_path / "a", 3 << 20)
    assert text.startswith(f"{tmp_path}/a: the disk is full; ")
    assert " are free, " in text and " are needed: " in text
    with pytest.raises(DegradeError) as caught, writing(tmp_path / "a", 3 << 20):
        raise error
    assert str(caught.value).partition(";")[0] == text.partition(";")[0]


def test_disk_full_says_nothing_that_is_not_known(tmp_path: Path) -> None:
    lost = tmp_path / "gone" / "a"
    assert disk_full(lost) == f"{lost}: the disk is full; free some space and run again"


def test_disk_full_of_a_folder_looks_at_its_own_disk(tmp_path: Path) -> None:
    assert " are free: " in disk_full(tmp_path)
    assert disk_full(tmp_path).startswith(f"{tmp_path}: the disk is full; ")


def test_not_written_is_what_every_writer_says(tmp_path: Path) -> None:
    path, error = tmp_path / "a", OSError(errno.EROFS, "Read-only file system")
    text = not_written(path, "Read-only file system")
    assert text.startswith(f"{path}: cannot be written (Read-only file system); check ")
    assert write_failure(path, 0, error) == text
    with pytest.raises(DegradeError) as caught, writing(path, 0):
        raise error
    assert "cannot be written" in str(caught.value)
    assert str(caught.value).partition(";")[2] == text.partition(";")[2]


def test_shown_is_one_short_line() -> None:
    assert shown("a\nb") == repr("a\nb")
    assert len(shown("x" * 1000)) == 60


def test_make_folder_names_what_cannot_be_made(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    with pytest.raises(DegradeError, match="file/a: cannot be made"):
        make_folder(tmp_path / "file" / "a")
