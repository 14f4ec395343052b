from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from degrade.images.result_folders import results_in
from degrade.images.sources import find_images

PHOTO = "photo.png"


def names(folder: Path) -> list[str]:
    files, rejects = find_images([folder])
    assert not rejects
    return [file.name for file in files]


def put(folder: Path, name: str, *contents: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("\n".join(map(json.dumps, contents)) + "\n")


def photos(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


@pytest.mark.parametrize(
    ("mark", "content"),
    [
        ("pool.json", {"format": "degrade-pool", "version": 2}),
        ("run.json", {"settings": {}, "config_hash": "0"}),
        ("training.json", {"preset": "tiny", "samples": "0"}),
        ("training.json", {"stages": ["rrdb-psnr", "realsr"]}),
    ],
)
def test_a_folder_of_results_is_passed_over_unless_it_is_named(
    tmp_path: Path, mark: str, content: Any
) -> None:
    photos(tmp_path, PHOTO, "results/preview.png", "results/deeper/a.png")
    assert len(names(tmp_path)) == 3
    put(tmp_path / "results", mark, content)
    assert names(tmp_path) == [PHOTO]
    assert names(tmp_path / "results") == ["deeper/a.png", "preview.png"]


@pytest.mark.parametrize("mark", ["pool.json", "run.json", "training.json", "export.json"])
@pytest.mark.parametrize("content", ["", "[]", "{}", '{"settings": {}}', '{"entries": [3, "\\0"]}'])
def test_other_files_of_such_names_hide_no_photo(tmp_path: Path, mark: str, content: str) -> None:
    photos(tmp_path, "sub/a.png")
    (tmp_path / "sub" / mark).write_text(content)
    assert names(tmp_path) == ["sub/a.png"]
    (tmp_path / "sub" / mark).unlink()
    (tmp_path / "sub" / mark).mkdir()
    assert results_in(tmp_path / "sub", {mark, "a.png"}) == set()


def test_results_among_photos_are_passed_over_one_by_one(tmp_path: Path) -> None:
    photos(tmp_path, "sub/mine.png", "sub/large/a.png", "sub/sheet.png", "sub/hr/1.png")
    put(tmp_path / "sub", "upscale.jsonl", {"result": "large/a.png", "source_sha256": "0"}, [], "x")
    put(tmp_path / "sub", ".degrade.jsonl", {"file": "sheet.png", "by": "inspect"}, {"file": 3})
    put(tmp_path / "sub", "export.json", {"settings": {}, "entries": ["hr", "lr"]})
    assert names(tmp_path) == ["sub/mine.png"]
    assert names(tmp_path / "sub") == ["hr/1.png", "large/a.png", "mine.png", "sheet.png"]
