from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from degrade.disk.failures import writing
from degrade.disk.files import make_folder
from degrade.errors import DegradeError, disk_full, shown, write_failure
from degrade.wording import byte_text


def test_disk_full_says_how_much_is_free_and_needed(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    text = disk_full(tmp_path / "file", 2 * free)
    assert text.startswith(f"{tmp_path / 'file'}: the disk is full; ")
    assert f" are free, {byte_text(2 * free)} are needed: free some space" in text
    assert disk_full(tmp_path / "no" / "folder", 7).endswith(
        "the disk is full; 7 bytes are needed: free some space and run again"
    )


def test_disk_full_says_nothing_that_is_not_known(tmp_path: Path) -> None:
    lost = tmp_path / "gone" / "a"
    assert disk_full(lost) == f"{lost}: the disk is full; free some space and run again"


def test_disk_full_of_a_folder_looks_at_its_own_disk(tmp_path: Path) -> None:
    assert " are free: " in disk_full(tmp_path)
    assert disk_full(tmp_path).startswith(f"{tmp_path}: the disk is full; ")


@pytest.mark.parametrize("more", [1, 100, 2**19])
def test_disk_full_never_says_that_as_much_is_free_as_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: int
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=10 * 2**30)
    monkeypatch.setattr("degrade.errors.shutil.disk_usage", lambda _: usage)
    needed = 10 * 2**30 + more
    assert f"10.0 GiB are free, {needed} bytes are needed" in disk_full(tmp_path, needed)
    # What failed has been removed since, or a quota counts.
    assert "1.0 MiB found no room, though 10.0 GiB are free now: " in disk_full(tmp_path, 2**20)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EROFS, "choose a place that can be written"),
        (errno.EACCES, "ask for the permission"),
        (errno.EDQUOT, "quota"),
        (errno.EIO, "the disk or the way to it fails"),
        (errno.EMFILE, "ulimit -n 4096"),
        (errno.ENOTDIR, "check the folder, its permissions and its disk"),
    ],
)
def test_every_writer_says_what_to_do(tmp_path: Path, number: int, remedy: str) -> None:
    path, error = tmp_path / "a", OSError(number, os.strerror(number))
    text = write_failure(path, 0, error)
    assert text.startswith(f"{path}: cannot be written ({os.strerror(number)}); ")
    assert remedy in text
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
    in_its_place = r"cannot be made \(a file is in its place\); choose another name"
    for folder in ("file", "file/a"):
        with pytest.raises(DegradeError, match=f"{folder}: {in_its_place}"):
            make_folder(tmp_path / folder)
    with pytest.raises(DegradeError, match=r"/proc/none: cannot be made .*; check the path"):
        make_folder(Path("/proc/none"))
