from __future__ import annotations

import os
from pathlib import Path

import pytest

from degrade.disk.user_cache import recall, remember


def test_recall_gives_what_was_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEGRADE_CACHE", str(tmp_path))
    assert recall("kind", "key") is None
    remember("kind", "key", {"a": 1})
    assert recall("kind", "key") == {"a": 1}
    assert recall("kind", "other") is recall("other", "key") is None
    assert [path.name for path in (tmp_path / "kind").iterdir()] == ["key.json"]


def test_recall_takes_damaged_files_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEGRADE_CACHE", str(tmp_path))
    remember("kind", "key", [1])
    path = tmp_path / "kind" / "key.json"
    for content in (b"", b"[1", b"\xff\xfe", b"[" * 100_000, b" " * 10**6):
        path.write_bytes(content)
        assert recall("kind", "key") is None
    path.unlink()
    path.mkdir()
    assert recall("kind", "key") is None
    remember("kind", "key", [1])  # cannot be kept, and nothing happens
    path.rmdir()
    os.mkfifo(path)
    assert recall("kind", "key") is None


def test_user_cache_lies_where_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEGRADE_CACHE", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    remember("kind", "key", 1)
    assert (tmp_path / "xdg" / "degrade" / "kind" / "key.json").read_text() == "1"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    remember("kind", "key", 2)
    assert (tmp_path / "home" / ".cache" / "degrade" / "kind" / "key.json").read_text() == "2"
    monkeypatch.setenv("DEGRADE_CACHE", "")
    remember("kind", "key", 3)
    assert recall("kind", "key") is None
