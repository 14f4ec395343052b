from __future__ import annotations

import hashlib
import json
import os
import random
import tempfile
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from degrade.errors import InputError
from degrade.images.manifest import ManifestEntry, write_manifest
from degrade.images.sources import Reject, SourceFile, find_images, hash_file, passed_over


def _touch(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _names(sources: list[Path]) -> list[str]:
    return [file.name for file in find_images(sources)[0]]


def _entry(path: str, content: bytes = b"x") -> ManifestEntry:
    sha256 = hashlib.sha256(content).hexdigest()
    return ManifestEntry(path=path, sha256=sha256, height=1, width=1, role="source")


def test_find_images_searches_folders_for_image_endings(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "sub/deep/c.tiff", "notes.txt", "sub/rejects.jsonl", "noend"):
        _touch(tmp_path / name)
    files, rejects = find_images([tmp_path])
    assert [file.name for file in files] == ["a.png", "b.JPG", "sub/deep/c.tiff"]
    assert files[2] == SourceFile(tmp_path / "sub/deep/c.tiff", "sub/deep/c.tiff")
    assert rejects == []


def test_find_images_passes_over_hidden_names(tmp_path: Path) -> None:
    for name in (".a.png", ".cache/b.png", "c.png"):
        _touch(tmp_path / name)
    assert _names([tmp_path]) == ["c.png"]
    assert _names([tmp_path / ".a.png"]) == [".a.png"]  # named by the user: taken


def test_find_images_takes_named_files_whatever_their_ending(tmp_path: Path) -> None:
    assert _names([_touch(tmp_path / "photo.raw1")]) == ["photo.raw1"]


def test_find_images_rejects_missing_paths_by_name(tmp_path: Path) -> None:
    files, rejects = find_images([tmp_path / "gone.png", _touch(tmp_path / "a.png")])
    assert [file.name for file in files] == ["a.png"]
    assert [(reject.path, reject.reason) for reject in rejects] == [
        (str(tmp_path / "gone.png"), "does not exist")
    ]


ODD_NAMES = [
    "gr\u00fc\u00df \u65e5\u672c.png",
    "with space.png",
    "new\nline.png",
    "tab\t'quote\".png",
    os.fsdecode(b"not-utf8-\xff\xfe.png"),
    "-dash.png",
    "e\u0301 decomposed.png",
    "%s{}$HOME.png",
]


@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_find_images_keeps_odd_names(tmp_path: Path, name: str) -> None:
    path = _touch(tmp_path / "folder" / name)
    for source in (tmp_path / "folder", path):
        files, rejects = find_images([source])
        assert [(file.path, file.name) for file in files] == [(path, name)]
        assert rejects == []
        assert hash_file(files[0].path) == hashlib.sha256(b"x").hexdigest()
    gone = Reject.from_error(InputError(path.with_suffix(".gone"), "does not exist"))
    assert "\n" not in str(gone)
    str(gone).encode("utf-8")


def test_find_images_sorts_by_bytes_whatever_the_order_given(tmp_path: Path) -> None:
    names = ["B.png", "a.png", "Z/1.png", "\u00e9.png", os.fsdecode(b"\xff.png"), "10.png", "9.png"]
    paths = [_touch(tmp_path / name) for name in names]
    sources = [*paths, tmp_path, tmp_path / "Z"]
    expected = find_images(sources)
    assert [os.fsencode(file.name) for file in expected[0]] == sorted(
        os.fsencode(file.name) for file in expected[0]
    )
    for seed in range(10):
        random.Random(seed).shuffle(sources)
        assert find_images(sources) == expected


def test_find_images_lists_no_file_twice(tmp_path: Path) -> None:
    path = _touch(tmp_path / "photos/a.png")
    (tmp_path / "photos/hard.png").hardlink_to(path)
    (tmp_path / "photos/soft.png").symlink_to(path)
    (tmp_path / "again").symlink_to(tmp_path / "photos")
    sources = [
        tmp_path / "photos",
        path,
        tmp_path / "again",
        tmp_path,
        tmp_path / "photos/../photos",
    ]
    files, rejects = find_images(sources)
    assert len(files) == 1
    assert rejects == []


def test_find_images_ends_in_link_loops(tmp_path: Path) -> None:
    _touch(tmp_path / "a/x.png")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/self").symlink_to(tmp_path / "a")
    (tmp_path / "round.png").symlink_to(tmp_path / "round.png")
    (tmp_path / "broken.png").symlink_to(tmp_path / "nowhere")
    files, rejects = find_images([tmp_path])
    assert [file.name for file in files] == ["a/x.png"]
    assert {Path(reject.path).name for reject in rejects} == {"round.png", "broken.png"}


def test_find_images_follows_links_to_folders(tmp_path: Path) -> None:
    _touch(tmp_path / "elsewhere/x.png")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/linked").symlink_to(tmp_path / "elsewhere")
    assert _names([tmp_path / "photos"]) == ["linked/x.png"]


def test_find_images_never_opens_fifos_and_devices(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "unrelated")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    results: list[tuple[list[SourceFile], list[Reject]]] = []
    sources = [tmp_path, tmp_path / "pipe.png", Path("/dev/null")]
    worker = threading.Thread(target=lambda: results.append(find_images(sources)), daemon=True)
    worker.start()
    worker.join(120)
    assert results, "the search hangs"
    files, rejects = results[0]
    assert files == []
    assert {Path(reject.path).name for reject in rejects} == {"pipe.png", "zero.png", "null"}
    assert {reject.reason for reject in rejects} == {"not a regular file"}


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that an ordinary user can reach, while the test runs as one."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
        os.seteuid(os.getuid())


def test_find_images_rejects_unreadable_folders(as_nobody: Path) -> None:
    _touch(as_nobody / "open/a.png")
    _touch(as_nobody / "closed/b.png").parent.chmod(0)
    _touch(as_nobody / "listed/c.png").parent.chmod(0o444)
    if os.getuid() == 0:
        os.seteuid(65534)
    if not os.access(as_nobody, os.R_OK | os.X_OK, effective_ids=True):
        pytest.skip(f"{as_nobody.parent} is closed to ordinary users")
    files, rejects = find_images([as_nobody])
    assert [file.name for file in files] == ["open/a.png"]
    os.seteuid(os.getuid())
    assert [Path(reject.path).name for reject in rejects] == ["closed", "c.png"]
    for name in ("closed", "listed"):
        (as_nobody / name).chmod(0o755)


def test_find_images_survives_folders_too_deep_for_a_path(tmp_path: Path) -> None:
    part, before = "d" * 200, Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(22):
            Path(part).mkdir()
            os.chdir(part)
    finally:
        os.chdir(before)
    _touch(tmp_path / "a.png")
    files, rejects = find_images([tmp_path])
    assert [file.name for file in files] == ["a.png"]
    assert len(rejects) == 1
    assert "too long" in rejects[0].reason


def test_find_images_reads_manifests_with_their_hashes(tmp_path: Path) -> None:
    _touch(tmp_path / "sub/a.png", b"a")
    _touch(tmp_path / "b.weird", b"b")
    entries = [_entry("sub/a.png", b"a"), _entry("b.weird", b"b"), _entry("gone.png")]
    write_manifest(tmp_path / "list.jsonl", entries)
    files, rejects = find_images([tmp_path / "list.jsonl"])
    assert [(file.name, file.sha256) for file in files] == [
        ("b.weird", entries[1].sha256),
        ("sub/a.png", entries[0].sha256),
    ]
    assert [Path(reject.path).name for reject in rejects] == ["gone.png"]


def test_find_images_keeps_the_hash_when_a_file_is_also_named_itself(tmp_path: Path) -> None:
    path = _touch(tmp_path / "a.png")
    write_manifest(tmp_path / "list.jsonl", [_entry("a.png")])
    files, _ = find_images([path, tmp_path, tmp_path / "list.jsonl"])
    assert [(file.name, file.sha256) for file in files] == [("a.png", _entry("a.png").sha256)]


@pytest.mark.parametrize(
    "leak", ["../secret.png", "sub/../../secret.png", "linked.png", "out/s.png"]
)
def test_find_images_refuses_manifest_paths_that_lead_outside(tmp_path: Path, leak: str) -> None:
    _touch(tmp_path / "secret.png")
    _touch(tmp_path / "elsewhere/s.png")
    root = tmp_path / "root"
    _touch(root / "sub/ok.png")
    (root / "linked.png").symlink_to(tmp_path / "secret.png")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    write_manifest(root / "list.jsonl", [_entry(leak), _entry("sub/ok.png")])
    files, rejects = find_images([root / "list.jsonl"])
    assert [file.name for file in files] == ["sub/ok.png"]
    assert [reject.path for reject in rejects] == [leak]
    assert "outside" in rejects[0].reason


def test_find_images_rejects_a_broken_manifest_with_its_line(tmp_path: Path) -> None:
    write_manifest(tmp_path / "list.jsonl", [_entry("a.png")])
    with (tmp_path / "list.jsonl").open("a") as file:
        file.write("{}\n")
    files, rejects = find_images([tmp_path / "list.jsonl"])
    assert files == []
    assert "line 2" in rejects[0].reason


def test_hash_file_hashes_large_and_empty_files(tmp_path: Path) -> None:
    data = os.urandom(3_000_001)
    assert hash_file(_touch(tmp_path / "a", data)) == hashlib.sha256(data).hexdigest()
    assert hash_file(_touch(tmp_path / "b", b"")) == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("kind", ["missing", "folder", "fifo", "device"])
def test_hash_file_refuses_what_is_no_regular_file(tmp_path: Path, kind: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    path = Path("/dev/zero") if kind == "device" else tmp_path / kind
    with pytest.raises(InputError):
        hash_file(path)


def test_reject_reads_like_the_error_it_came_from() -> None:
    error = InputError("photo.png", "is broken", "replace it")
    reject = Reject.from_error(error)
    assert str(reject) == str(error) == "photo.png: is broken; replace it"
    assert Reject(**reject.to_json()) == reject


def test_find_images_finds_photos_in_formats_that_are_not_read(tmp_path: Path) -> None:
    for name in ("phone.HEIC", "raw.nef", "moving.gif", "notes.txt"):
        (tmp_path / name).write_bytes(b"?")
    files, _ = find_images([tmp_path])
    assert [file.name for file in files] == ["moving.gif", "phone.HEIC", "raw.nef"]


def test_find_images_reads_a_manifest_of_windows(tmp_path: Path) -> None:
    name = unicodedata.normalize("NFD", "café.png")
    (tmp_path / "HR").mkdir()
    (tmp_path / "HR" / name).write_bytes(b"")
    path = unicodedata.normalize("NFC", f"HR\\{name}")
    entry = {"path": path, "sha256": "0f" * 32, "height": 1, "width": 1, "role": "hr"}
    text = json.dumps(entry, ensure_ascii=False) + "\r\n\r\n"
    (tmp_path / "m.jsonl").write_bytes(text.encode("utf-16"))
    (file,), rejects = find_images([tmp_path / "m.jsonl"])
    assert (file.path, file.name) == (tmp_path / "HR" / name, f"HR/{name}") and not rejects


def test_passed_over_counts_what_folders_hold_besides_photos(tmp_path: Path) -> None:
    names = ("a.jpg", "b.HEIC", "c.txt", "d.TXT", "e.mp4", "f", ".hidden.txt", "g.jfif", "h.nef")
    (tmp_path / "sub").mkdir()
    (tmp_path / ".git").mkdir()
    for name in (*names, "sub/i.txt", ".git/j.txt"):
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "pipe.txt")
    counts = passed_over([tmp_path])
    assert counts == {".txt": 3, "": 1, ".mp4": 1}
    assert list(counts) == [".txt", "", ".mp4"]
    assert passed_over([tmp_path / "c.txt"]) == {}
    assert passed_over([tmp_path], besides={"c.txt", "f"}) == {".txt": 2, ".mp4": 1}
    assert len(find_images([tmp_path])[0]) == 4
