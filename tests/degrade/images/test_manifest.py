from __future__ import annotations

import json
import os
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.errors import DegradeError, InputError, InvalidValueError
from degrade.images.manifest import ManifestEntry, listed_file, read_manifest, write_manifest

GOOD: dict[str, Any] = {
    "path": "a/b.png",
    "sha256": "0f" * 32,
    "height": 3,
    "width": 4,
    "role": "hr",
    "split": "val",
    "licence": "CC0-1.0",
    "source": "camera",
    "group": "scene 1",
}

names = (
    st.binary(min_size=1, max_size=12)
    .map(os.fsdecode)
    .filter(lambda name: "\0" not in name and not name.startswith("/") and name != ".")
    .filter(lambda name: not re.match(r"[A-Za-z]:[\\/]|\\\\", name))
)
# Without control, separator, surrogate and unassigned characters: printable.
printable_texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=10)
texts = st.none() | printable_texts
entries = st.builds(
    ManifestEntry,
    path=names,
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    height=st.integers(1, 9999),
    width=st.integers(1, 9999),
    role=st.sampled_from(["source", "hr", "lr"]),
    split=st.sampled_from([None, "train", "val", "test"]),
    licence=texts,
    source=texts,
    group=texts,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(entries, max_size=6, unique_by=lambda entry: entry.path))
def test_write_manifest_round_trips_in_canonical_order(
    tmp_path_factory: pytest.TempPathFactory, given_entries: list[ManifestEntry]
) -> None:
    path = tmp_path_factory.mktemp("m") / "list.jsonl"
    write_manifest(path, given_entries)
    once = path.read_bytes()
    assert read_manifest(path) == sorted(given_entries, key=lambda e: os.fsencode(e.path))
    write_manifest(path, reversed(given_entries))
    assert path.read_bytes() == once
    assert once.count(b"\n") == len(given_entries)


def test_write_manifest_leaves_out_what_is_not_known(tmp_path: Path) -> None:
    write_manifest(
        tmp_path / "m.jsonl",
        [ManifestEntry(path="x.png", sha256="0f" * 32, height=1, width=2, role="source")],
    )
    assert json.loads((tmp_path / "m.jsonl").read_text()).keys() == {
        "path",
        "sha256",
        "height",
        "width",
        "role",
    }


def test_write_manifest_refuses_one_path_twice(tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"a/b\.png"):
        write_manifest(tmp_path / "m.jsonl", [ManifestEntry(**GOOD), ManifestEntry(**GOOD)])


def test_write_manifest_says_when_it_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(DegradeError, match="cannot be written"):
        write_manifest(tmp_path / "gone/m.jsonl", [])


def _read(tmp_path: Path, *lines: str | bytes) -> list[ManifestEntry]:
    path = tmp_path / "list.jsonl"
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
    return read_manifest(path)


def test_read_manifest_passes_over_blank_lines(tmp_path: Path) -> None:
    assert _read(tmp_path, "", json.dumps(GOOD) + "\r", "  ", "") == [ManifestEntry(**GOOD)]
    assert _read(tmp_path, "") == []


BAD_FIELDS = [
    ("path", ""),
    ("path", "/etc/passwd"),
    ("path", "a\0b"),
    ("path", "\ud800"),
    ("path", 3),
    ("path", "."),
    ("path", "C:\\photos\\a.png"),
    ("path", "d:/photos/a.png"),
    ("path", "\\\\server\\photos\\a.png"),
    ("sha256", "0F" * 32),
    ("sha256", "0f" * 31),
    ("sha256", None),
    ("sha256", "0f" * 32 + "\n"),
    ("height", 0),
    ("height", -1),
    ("height", 2.0),
    ("width", True),
    ("width", "4"),
    ("role", "noise"),
    ("role", ["hr"]),
    ("role", None),
    ("split", "dev"),
    ("split", {}),
    ("licence", ""),
    ("licence", 1),
    ("source", []),
    ("group", False),
    ("group", ""),
]


@pytest.mark.parametrize(("field", "value"), BAD_FIELDS, ids=ascii)
def test_read_manifest_refuses_bad_values_by_line_and_field(
    tmp_path: Path, field: str, value: object
) -> None:
    bad = {**GOOD, "path": "other.png", field: value}
    with pytest.raises(
        InputError, match=rf"list\.jsonl: line 2: not an entry: {field} must be"
    ) as caught:
        _read(tmp_path, json.dumps(GOOD), json.dumps(bad))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["path", "sha256", "height", "width", "role"])
def test_read_manifest_names_missing_fields(tmp_path: Path, missing: str) -> None:
    with pytest.raises(InputError, match=rf"line 1: .*the key '{missing}' is missing"):
        _read(tmp_path, json.dumps({k: v for k, v in GOOD.items() if k != missing}))


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[1]",
        b"null",
        b'{"path": ',
        b"\xff\xfe",
        b"[" * 100_000,
        b"\xef\xbb\xbf{}",
        json.dumps({**GOOD, "size": 3}).encode(),
        b'{"height": ' + b"9" * 5000 + b"}",
    ],
    ids=lambda line: ascii(line[:12]),
)
def test_read_manifest_refuses_other_lines(tmp_path: Path, line: bytes) -> None:
    with pytest.raises(InputError, match=r"list\.jsonl: line 3: "):
        _read(tmp_path, "", json.dumps(GOOD), line)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('"{""path"": ""a.png"", ""role"": ""hr""}",,', "a spreadsheet has put it in quotes"),
        ("{\u201cpath\u201d: \u201ca.png\u201d}", "typographic quotes"),
        (r'{"path": "photos\IMG_1.png"}', "single backslash: write / between folders"),
        (r'{"path": "a\\b.png"} x', "Extra data"),
    ],
)
def test_read_manifest_says_what_made_a_line(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(InputError, match=r"list\.jsonl: line 2: not JSON") as caught:
        _read(tmp_path, json.dumps(GOOD), line)
    assert reason in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_read_manifest_of_any_editor(tmp_path: Path, encoding: str, end: str) -> None:
    path = tmp_path / "list.jsonl"
    other = {**GOOD, "path": "\u00e9.png"}
    lines = [json.dumps(GOOD), "", json.dumps(other, ensure_ascii=False), "", " ", "\x1a"]
    path.write_bytes(end.join(lines).encode(encoding))
    if encoding == "utf-16-le":  # without its mark
        with pytest.raises(InputError, match="UTF-16 without its mark; save it as UTF-8"):
            read_manifest(path)
    else:
        assert read_manifest(path) == [ManifestEntry(**GOOD), ManifestEntry(**other)]


def test_listed_file_understands_windows_and_macs(tmp_path: Path) -> None:
    composed, apart = (unicodedata.normalize(form, "caf\u00e9") for form in ("NFC", "NFD"))
    (tmp_path / apart).mkdir()
    for name in (f"{apart}/b.png", "a\\b.png"):
        (tmp_path / name).write_bytes(b"")
    for path in (f"{apart}/b.png", f"{composed}/b.png", f"{composed}\\b.png"):
        assert listed_file(tmp_path, path) == (tmp_path / apart / "b.png", f"{apart}/b.png")
    # A name that has a backslash is that name.
    assert listed_file(tmp_path, "a\\b.png")[0].name == "a\\b.png"
    assert listed_file(tmp_path, "none\\c.png") == (tmp_path / "none\\c.png", "none\\c.png")


def test_listed_file_knows_eaten_backslashes(tmp_path: Path) -> None:
    path = json.loads(r'"photos\new.png"')
    with pytest.raises(InputError, match="does not exist; write / between folders"):
        listed_file(tmp_path, path)
    (tmp_path / path).write_bytes(b"")
    assert listed_file(tmp_path, path) == (tmp_path / path, path)


@pytest.mark.parametrize("path", ["../a.png", "..\\a.png", "b\\..\\..\\a.png"])
def test_listed_file_refuses_to_lead_out(tmp_path: Path, path: str) -> None:
    root = tmp_path / "root"
    (root / "b").mkdir(parents=True)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DegradeError, match="leads outside"):
        listed_file(root, path)


def test_read_manifest_refuses_a_path_twice(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 2: path is that of line 1"):
        _read(tmp_path, json.dumps(GOOD), json.dumps({**GOOD, "sha256": "ab" * 32}))


def test_read_manifest_refuses_missing_files_and_fifos(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    for name in ("gone.jsonl", "pipe.jsonl", "."):
        with pytest.raises(InputError):
            read_manifest(tmp_path / name)
