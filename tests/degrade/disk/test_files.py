from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from degrade.disk.files import (
    claim_folder,
    open_regular,
    read_file,
    resolve_inside,
    write_atomically,
)
from degrade.errors import DegradeError, InputError
from tests.making import open_below


def test_write_atomically_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    for content in (b"old", b"", b"new" * 100_000):
        write_atomically(path, content)
        assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.bin"]


@pytest.mark.parametrize("name", ["x" * 251 + ".png", "é" * 127])
def test_write_atomically_writes_names_as_long_as_the_file_system_allows(
    tmp_path: Path, name: str
) -> None:
    write_atomically(tmp_path / name, b"data")
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("place", ["gone/data.bin", "file/data.bin", "folder", "x" * 300])
def test_write_atomically_names_the_file_it_cannot_write(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DegradeError, match="cannot be written"):
        write_atomically(tmp_path / place, b"data")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["file", "folder"]


def test_write_atomically_keeps_the_old_file_when_the_disk_gives_out(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    write_atomically(path, b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        with pytest.raises(DegradeError, match=r"data\.bin"):
            write_atomically(path, b"new" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.bin"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_write_atomically_cleans_up_after_a_failing_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    path = tmp_path / "data.bin"
    write_atomically(path, b"old")
    monkeypatch.setattr(*((os, "fsync") if failing == "fsync" else (Path, "replace")), fail)
    with pytest.raises(DegradeError, match="Input/output error"):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["data.bin"]


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from degrade.disk.files import write_atomically
print("ready", flush=True)
while True:
    for letter in b"ab":
        write_atomically(Path(sys.argv[1]), bytes([letter]) * 2_000_000)
"""


def _run(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )


def test_write_atomically_survives_kills(tmp_path: Path) -> None:
    path = tmp_path / "data.bin"
    write_atomically(path, b"a" * 2_000_000)
    for attempt in range(6):
        with _run(WRITE_FOR_EVER, str(path)) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.005 + 0.007 * attempt)
            process.kill()
        content = path.read_bytes()
        assert len(content) == 2_000_000
        assert len(set(content)) == 1


@pytest.mark.parametrize(
    "relative",
    ["a.png", "sub/a.png", "sub/../a.png", "./a.png", "link/inner.png", "new\nline", "é"],
)
def test_resolve_inside_follows_what_stays_inside(tmp_path: Path, relative: str) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "link").symlink_to(root / "sub")
    resolved = resolve_inside(root, relative)
    assert resolved == (root / relative).resolve()
    assert resolved.is_relative_to(root.resolve())


@pytest.mark.parametrize(
    "relative",
    [
        "..",
        "../x",
        "sub/../../x",
        "/etc/passwd",
        "//etc",
        "out/x",
        "out",
        "a\0b",
        "../root-sibling/x",
        "sub/../../root/../x",
    ],
)
def test_resolve_inside_refuses_what_leads_out(tmp_path: Path, relative: str) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "root-sibling").mkdir()
    (root / "out").symlink_to(tmp_path)
    with pytest.raises(DegradeError, match="refused"):
        resolve_inside(root, relative)


def test_resolve_inside_survives_link_loops(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with contextlib.suppress(DegradeError):  # newer Pythons resolve a loop to itself
        assert resolve_inside(tmp_path, "loop/x").is_relative_to(tmp_path.resolve())


def test_resolve_inside_allows_an_absolute_root_only(tmp_path: Path) -> None:
    with pytest.raises(DegradeError, match="outside"):
        resolve_inside(tmp_path, str(tmp_path / "a.png"))  # inside, but absolute


def test_open_regular_reads_through_links(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with open_regular(tmp_path / "b") as file:
        assert file.read() == b"content"
    with pytest.raises(InputError, match="null byte"):
        open_regular(Path("a\0b"))


KINDS = {"a.json": "one kind", "b.json": "another kind", "c.jsonl": "a third"}


@pytest.mark.parametrize("mark", KINDS)
def test_claim_folder_keeps_kinds_apart(tmp_path: Path, mark: str) -> None:
    folder = tmp_path / "deep" / "folder"
    claim_folder(folder, mark, KINDS)
    (folder / mark).touch()
    claim_folder(folder, mark, KINDS)
    for other in KINDS.keys() - {mark}:
        with pytest.raises(DegradeError, match="choose another folder"):
            claim_folder(folder, other, KINDS)


def test_read_file_leaves_no_descriptor_open(tmp_path: Path) -> None:
    for _ in range(20):
        with pytest.raises(InputError):
            read_file(tmp_path)
    assert open_below(tmp_path) == []


def test_read_file_refuses_files_too_large_for_an_image(tmp_path: Path) -> None:
    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(InputError, match="bytes are more than"):
        read_file(tmp_path / "sparse.png")
