from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.errors import DegradeError, InputError, InvalidValueError
from degrade.images.image_io import encode_png
from degrade.images.manifest import ManifestEntry, read_manifest, write_manifest
from degrade.images.sources import find_images
from pipelines.cli.common import CommandGroup
from pipelines.cli.manifest_commands import manifest as manifest_group
from pipelines.manifests.manifests import (
    MakeManifestConfig,
    check_manifest,
    make_manifest,
    photo_group,
    split_manifest,
)

SHARES: dict[Any, float] = {"train": 0.6, "val": 0.2, "test": 0.2}


def _image(path: Path, level: int, size: tuple[int, int] = (5, 7)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(np.full((*size, 3), level, np.uint8)))
    return path


def _make(folder: Path, **options: Any) -> Any:
    config = MakeManifestConfig(sources=(folder,), out=folder / "photos.jsonl", **options)
    return make_manifest(config)


def _entry(path: str, content: int | None = None, **fields: Any) -> ManifestEntry:
    sha256 = f"{content:064x}" if content is not None else hashlib.sha256(path.encode()).hexdigest()
    return ManifestEntry(path=path, sha256=sha256, height=1, width=1, role="hr", **fields)


def _splits(manifest: Path) -> dict[str, Any]:
    return {entry.path: entry.split for entry in read_manifest(manifest)}


def test_make_manifest_lists_hash_size_and_what_is_stated(tmp_path: Path) -> None:
    _image(tmp_path / "a/x.png", 1, (3, 9))
    _image(tmp_path / "b.png", 2)
    report = _make(tmp_path, role="hr", licence="CC0-1.0", source="camera")
    entries = read_manifest(tmp_path / "photos.jsonl")
    assert [(e.path, e.height, e.width) for e in entries] == [("a/x.png", 3, 9), ("b.png", 5, 7)]
    assert {(e.role, e.licence, e.source) for e in entries} == {("hr", "CC0-1.0", "camera")}
    assert (report.done, report.exit_code) == (2, 0)
    files, rejects = find_images([tmp_path / "photos.jsonl"])
    assert ([file.sha256 for file in files], rejects) == ([e.sha256 for e in entries], [])
    assert check_manifest(tmp_path / "photos.jsonl").exit_code == 0


def test_make_manifest_repeats_byte_for_byte(tmp_path: Path) -> None:
    paths = [_image(tmp_path / f"{level}.png", level) for level in range(6)]
    _make(tmp_path)
    once = (tmp_path / "photos.jsonl").read_bytes()
    random.Random(0).shuffle(paths)
    make_manifest(
        MakeManifestConfig(sources=tuple(paths), out=tmp_path / "photos.jsonl", overwrite=True)
    )
    assert (tmp_path / "photos.jsonl").read_bytes() == once


def test_make_manifest_rejects_by_name_and_goes_on(tmp_path: Path) -> None:
    _image(tmp_path / "photos/a.png", 1)
    (tmp_path / "photos/text.png").write_text("no image")
    os.mkfifo(tmp_path / "photos/pipe.png")
    outside = _image(tmp_path / "outside.png", 2)
    config = MakeManifestConfig(
        sources=(tmp_path / "photos", outside, tmp_path / "gone.png"),
        out=tmp_path / "photos/list.jsonl",
    )
    report = make_manifest(config)
    assert (report.done, report.exit_code) == (1, 3)
    assert {Path(reject.path).name for reject in report.rejects} == {
        "text.png",
        "pipe.png",
        "outside.png",
        "gone.png",
    }
    assert list(_splits(tmp_path / "photos/list.jsonl")) == ["a.png"]


def test_make_manifest_keeps_names_that_are_no_text(tmp_path: Path) -> None:
    for number, name in enumerate(["grüß.png", "new\nline.png", os.fsdecode(b"\xff\xfe.png")]):
        _image(tmp_path / name, number)
    assert _make(tmp_path).exit_code == 0
    assert check_manifest(tmp_path / "photos.jsonl").exit_code == 0
    assert split_manifest(tmp_path / "photos.jsonl", {"train": 1.0}).exit_code == 0
    assert len(find_images([tmp_path / "photos.train.jsonl"])[0]) == 3


def test_make_manifest_says_how_many_files_are_copies(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        _image(tmp_path / name, 9)
    assert "with the very content of another: 2 files" in _make(tmp_path).lines


def test_make_manifest_never_replaces_unasked(tmp_path: Path) -> None:
    _image(tmp_path / "a.png", 1)
    _make(tmp_path)
    _image(tmp_path / "b.png", 2)
    assert _make(tmp_path).done == 2  # its own, as it was made
    listed = tmp_path / "photos.jsonl"
    listed.write_text(listed.read_text().replace("}", ', "licence": "mine"}'))
    before = listed.read_bytes()
    with pytest.raises(DegradeError, match=r"changed since.*`overwrite`"):
        _make(tmp_path)
    assert listed.read_bytes() == before
    assert _make(tmp_path, overwrite=True).exit_code == 0 and listed.read_bytes() != before


def test_make_manifest_refuses_to_list_nothing(tmp_path: Path) -> None:
    with pytest.raises(DegradeError, match="no image to list"):
        _make(tmp_path)
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(DegradeError, match=r"1 rejected: .*text\.png"):
        _make(tmp_path)
    assert not (tmp_path / "photos.jsonl").exists()
    with pytest.raises(InvalidValueError, match=r"\.jsonl"):
        MakeManifestConfig(sources=(), out=tmp_path / "list.txt")


def test_check_manifest_names_each_problem(tmp_path: Path) -> None:
    for name in ("fine", "changed", "gone", "small", "text"):
        _image(tmp_path / f"{name}.png", len(name) * 7 + ord(name[0]))
    _make(tmp_path)
    entries = {entry.path: entry for entry in read_manifest(tmp_path / "photos.jsonl")}
    _image(tmp_path / "changed.png", 255)
    (tmp_path / "gone.png").unlink()
    lines = [json.loads(line) for line in (tmp_path / "photos.jsonl").read_text().splitlines()]
    for line in lines:
        line["width"] += line["path"] == "small.png"
    outside = _image(tmp_path.parent / f"{tmp_path.name}-outside.png", 3)
    lines.append({**lines[0], "path": f"../{outside.name}"})
    (tmp_path / "photos.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = check_manifest(tmp_path / "photos.jsonl")
    reasons = {Path(reject.path).name: reject.reason for reject in report.rejects}
    assert reasons.keys() == {"changed.png", "gone.png", "small.png", outside.name}
    assert "sha256 differs" in reasons["changed.png"]
    assert "No such file" in reasons["gone.png"]
    assert reasons["small.png"] == "is 7×5 pixels, not 8×5 as the manifest states"
    assert "outside" in reasons[outside.name]
    assert (report.done, report.exit_code, len(entries)) == (2, 3, 5)


def test_check_manifest_sees_a_photo_in_two_splits(tmp_path: Path) -> None:
    for name in ("a_s001", "a_s002", "b"):
        _image(tmp_path / f"{name}.png", ord(name[0]))
    _make(tmp_path)
    entries = read_manifest(tmp_path / "photos.jsonl")
    sides: list[Any] = ["train", "test", "val"]
    placed = [
        ManifestEntry(path=e.path, sha256=e.sha256, height=5, width=7, role="hr", split=side)
        for e, side in zip(entries, sides, strict=True)
    ]
    write_manifest(tmp_path / "photos.jsonl", placed)
    (reject,) = check_manifest(tmp_path / "photos.jsonl").rejects
    assert "a_s002.png" in reject.path
    assert "split test" in reject.reason
    assert "a_s001.png" in reject.reason


def test_check_manifest_refuses_a_broken_manifest(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match="line 1"):
        check_manifest(tmp_path / "m.jsonl")


SAME = [
    ("HR/0001.png", "LR/0001x4.png"),
    ("0001.png", "sub/0001_s012.png"),
    ("IMG_1.JPG", "img_1.png"),
    ("Canon_001_HR.png", "Canon_001_LR4.png"),
    ("panasonic_43_x1.png", "panasonic_43_x4.png"),
    ("a_crop2.png", "a-tile7.png"),
    ("0001x4m.png", "0001.png"),
    ("x_s1_s2_HR.png", "x.png"),
    # Whatever import-pairs takes for a pair: else one side of it could be learned from, and the
    # other be tested on.
    ("baby.png", "babyx4.png"),
    ("img_001.png", "img_001_bicLRx4.png"),
    ("img_001_SRF_4_HR.png", "img_001_SRF_4_LR.png"),
    ("101085_HR_x4.png", "101085_LRBI_x4.png"),
    ("0001_GT_SRGB_010.PNG", "0001_NOISY_SRGB_010.PNG"),
    ("001H.PNG", "001L.PNG"),
    ("0001.png", "LR_0001.png"),
    ("scene/HR.png", "scene/LR_x4.png"),
    ("Caf\u00e9.png", "Cafe\u0301x4.png"),
    ("HR/0001.png", "LR\\0001x4.png"),
]
DIFFERENT = [
    ("0001.png", "0002.png"),
    ("0001_s001.png", "0002_s001.png"),
    ("box2_1.png", "bo_1.png"),
    ("IMG_1.png", "IMG_12.png"),
    ("_HR.png", "_LR.png"),
    ("photo_2020.png", "photo_2021.png"),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_photo_group_joins_derived_files(first: str, second: str) -> None:
    assert photo_group(_entry(first)) == photo_group(_entry(second))


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_photo_group_keeps_photos_apart(first: str, second: str) -> None:
    assert photo_group(_entry(first)) != photo_group(_entry(second))


def test_photo_group_obeys_the_group_field() -> None:
    assert photo_group(_entry("a.png", group="g")) == photo_group(_entry("b.png", group="g"))
    assert photo_group(_entry("a.png", group="a")) != photo_group(_entry("a.png"))


stems = st.sampled_from([f"{number}" for number in range(8)])
marks = st.sampled_from(["", "_s001", "_s002", "x4", "_HR", "_crop3"])
listed = st.lists(
    st.tuples(
        stems, marks, st.sampled_from(["p/", "q/", ""]), st.integers(0, 12), st.none() | stems
    ),
    max_size=25,
    unique_by=lambda item: item[:3],
)


@settings(max_examples=60, deadline=None)
@given(listed, st.integers(0, 99), st.randoms())
def test_split_manifest_never_puts_a_photo_on_two_sides(
    tmp_path_factory: pytest.TempPathFactory, items: Any, seed: int, shuffler: random.Random
) -> None:
    entries = [
        _entry(f"{folder}{stem}{mark}.png", content, group=group)
        for stem, mark, folder, content, group in items
    ]
    path = tmp_path_factory.mktemp("split") / "m.jsonl"
    write_manifest(path, entries)
    split_manifest(path, SHARES, seed=seed)
    sides = defaultdict(set)
    for entry in read_manifest(path):
        for key in (entry.sha256, photo_group(entry)):
            sides[key].add(entry.split)
    assert all(len(found) == 1 for found in sides.values())
    once = path.read_bytes()
    shuffler.shuffle(entries)
    lines = [json.dumps({k: v for k, v in _fields(entry).items() if v}) for entry in entries]
    path.write_text("\n".join(lines))
    split_manifest(path, SHARES, seed=seed)
    assert path.read_bytes() == once


def _fields(entry: ManifestEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in ManifestEntry.__slots__}


def test_split_manifest_moves_nobody_when_photos_are_added(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    first = [_entry(f"{number:04}.png") for number in range(100)]
    write_manifest(path, first)
    split_manifest(path, SHARES, seed=5)
    before = _splits(path)
    write_manifest(path, first + [_entry(f"{number:04}_s1.png") for number in range(60, 300)])
    split_manifest(path, SHARES, seed=5)
    after = _splits(path)
    assert all(after[name] == side for name, side in before.items())
    split_manifest(path, SHARES, seed=6)
    assert _splits(path) != after


def test_split_manifest_meets_the_shares_on_average(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    write_manifest(path, [_entry(f"{number}.png") for number in range(3000)])
    report = split_manifest(path, {"train": 0.7, "val": 0.1, "test": 0.2})
    sides = list(_splits(path).values())
    for side, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
        assert sides.count(side) / 3000 == pytest.approx(share, abs=0.03)
    counts = [int(line.split(": ")[1].split(" ")[0]) for line in report.lines]
    assert counts == [sides.count(side) for side in ("train", "val", "test")]


def test_split_manifest_moves_few_when_shares_change(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    write_manifest(path, [_entry(f"{number}.png") for number in range(1000)])
    split_manifest(path, {"train": 0.8, "test": 0.2})
    before = _splits(path)
    split_manifest(path, {"train": 0.9, "test": 0.1})
    moved = {(before[name], side) for name, side in _splits(path).items() if before[name] != side}
    assert moved == {("test", "train")}


def test_split_manifest_writes_a_manifest_a_split(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    write_manifest(path, [_entry(f"{number}.png") for number in range(40)])
    split_manifest(path, SHARES)
    parts = {side: read_manifest(tmp_path / f"m.{side}.jsonl") for side in SHARES}
    assert all({entry.split for entry in part} == {side} for side, part in parts.items())
    assert sorted(itertools.chain(*parts.values()), key=lambda e: e.path) == read_manifest(path)
    split_manifest(path, {"train": 1.0})
    assert len(read_manifest(tmp_path / "m.train.jsonl")) == 40
    assert read_manifest(tmp_path / "m.test.jsonl") == []  # emptied, so that nothing leaks


@pytest.mark.parametrize(
    "shares",
    [{"train": 0.5}, {"train": 1.5, "test": -0.5}, {"dev": 1.0}, {}, {"train": float("nan")}],
    ids=str,
)
def test_split_manifest_refuses_bad_shares(tmp_path: Path, shares: Any) -> None:
    write_manifest(tmp_path / "m.jsonl", [_entry("a.png")])
    with pytest.raises(InvalidValueError, match="got"):
        split_manifest(tmp_path / "m.jsonl", shares)


def _invoke(*arguments: str | Path) -> Any:
    root = CommandGroup("degrade", commands={"manifest": manifest_group})
    return CliRunner().invoke(root, ["manifest", *map(str, arguments)])


def test_manifest_commands_make_check_and_split(tmp_path: Path) -> None:
    for number in range(10):
        _image(tmp_path / f"photo{number}.png", number)
    listing = tmp_path / "all.jsonl"
    made = _invoke("make", tmp_path, "--out", listing, "--role", "hr", "--licence", "CC0-1.0")
    assert (made.exit_code, "10 files" in made.output) == (0, True)
    checked = _invoke("check", listing)
    assert (checked.exit_code, "10 files" in checked.output) == (0, True)
    split = _invoke(
        "split", listing, "--train", "0.5", "--val", "0.5", "--test", "0", "--seed", "1"
    )
    assert (split.exit_code, "train: " in split.output) == (0, True)
    assert set(_splits(listing).values()) <= {"train", "val"}
    (tmp_path / "photo3.png").unlink()
    broken = _invoke("check", listing)
    assert broken.exit_code == 3
    assert "photo3.png" in broken.output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check", "gone.jsonl"], 1),
        (["split", "gone.jsonl"], 1),
        (["make", "."], 2),
        (["make", ".", "--out", "list.txt"], 1),
        (["check"], 2),
        (["split", "m", "--train", "2"], 2),
    ],
    ids=str,
)
def test_manifest_commands_end_with_the_right_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    result = _invoke(*arguments)
    assert result.exit_code == code
    assert "Traceback" not in result.output
