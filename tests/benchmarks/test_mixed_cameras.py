"""The benchmark that puts two cameras into one pool."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import mixed_network
from benchmarks.downstream.real_pairs import RealPair, read_real_pairs
from benchmarks.mixed_cameras import CAMERAS, others, rows, take_photos, taken
from benchmarks.mixed_network import Teaching, by_camera, network_rows, real_halves, row
from degrade.arrays import U8Array, round_to_u8
from degrade.images.image_io import write_png
from tests.making import make_scene


def _scene(number: int) -> U8Array:
    return round_to_u8(make_scene(f"mixed {number}", 512, 512) * np.float32(255))


def test_cameras_differ_in_blur_and_noise() -> None:
    flat = np.full((256, 256, 3), 120, np.uint8)
    noise = {name: taken(flat, *both, 0, 0).std() for name, both in CAMERAS.items()}
    assert noise["sharp"] == pytest.approx(5, rel=0.05) and noise["soft"] < 1
    clean = {name: taken(_scene(0), both[0], 0.0, 0, 0) for name, both in CAMERAS.items()}
    steep = {name: np.abs(np.diff(lr.astype(float), axis=1)).max() for name, lr in clean.items()}
    assert steep["sharp"] > 1.3 * steep["soft"]
    assert np.array_equal(taken(flat, 1.6, 5.0, 0, 3), taken(flat, 1.6, 5.0, 0, 3))


@pytest.mark.slow
def test_lr_with_noise_of_its_camera_is_nearer_to_photos(tmp_path: Path, shared_data: Path) -> None:
    scenes = [pair.hr_u8 for pair in read_real_pairs(shared_data / "pairs" / "realsr_x4")]
    found = list(rows(tmp_path, scenes, 24, 0))
    kinds = [tuple(cell.strip() for cell in row.split("|")[:2]) for row in found]
    assert kinds == [
        (name, of) for name in ("known", "estimated", "corrected") for of in ("pool", "camera")
    ]
    apart = [float(row.split("|")[3]) for row in found]
    assert all(camera < pool for pool, camera in zip(apart[::2], apart[1::2], strict=True))


def test_photos_are_told_apart_by_the_letters_of_their_names() -> None:
    names = ["P1140122_2_LR.png", "panasonic_1_LR.png", "DSC_3_LR.png", "P1160566_LR.png", "7.png"]
    found = by_camera([Path("a") / name for name in names])
    counts = {"P": 2, "panasonic": 1, "DSC": 1, "camera": 1}
    assert {name: len(paths) for name, paths in found.items()} == counts


def test_halves_are_judged_by_scenes_that_were_not_measured() -> None:
    blank = np.zeros((4, 4, 3), np.uint8)
    pairs = [RealPair(Path(f"{'ab'[n % 2]}_{n}_LR.png"), blank, blank) for n in range(10)]
    ways = list(real_halves(pairs, 0))
    assert [name for name, *_ in ways] == ["there", "back"]
    for _, photos, judged in ways:
        measured = {path for paths in photos.values() for path in paths}
        assert len(measured) == len(judged) == 5
        assert not measured & {pair.lr_path for pair in judged}


def test_planted_photos_are_of_other_scenes_than_those_that_judge(tmp_path: Path) -> None:
    scenes = [_scene(0)[:64, :64]] * 7
    photos = take_photos(tmp_path, scenes, 2, 0)
    taken_of = {int(path.stem[-4:]) for paths in photos.values() for path in paths}
    assert [len(paths) for paths in photos.values()] == [2, 2]
    assert taken_of.isdisjoint(others(7, 2, 0)) and len(others(7, 2, 0)) == 3


def test_a_row_tells_paired_differences() -> None:
    pool = np.tile([28.0, 28.5, 29.0, 0.8, 0.1], (9, 1)) + np.arange(9)[:, None]
    told = row("2 seeds", pool, pool + 0.25, 5)
    assert told.startswith("2 seeds | 5 | 9 | 33.00 | +0.25 [+0.25, +0.25] | 32.00 | +0.25")


@pytest.mark.slow
def test_networks_are_taught_by_pairs_that_differ_in_whose_noise_they_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the training itself."""
    scenes = [_scene(number) for number in range(8)]
    for scene in scenes:
        scene[:256] = 120  # what tells of noise
    photos = take_photos(tmp_path / "photos", scenes, 4, 0)
    write_png(tmp_path / "hr" / "clean.png", _scene(9))
    taught: list[list[U8Array]] = []

    def train(pairs: list[tuple[U8Array, U8Array]], folder: Path, *_: object) -> Path:
        folder.mkdir()
        taught.append([lr for lr, _ in pairs])
        return folder

    monkeypatch.setattr(mixed_network, "train_on", train)
    monkeypatch.setattr(mixed_network, "judge_network", lambda *_: np.zeros((8, 7)))
    teaching = Teaching(hr=(tmp_path / "hr",), options=("--hr-size", "128"), seeds=1)
    (told,) = network_rows(tmp_path / "own", photos, [], teaching, scale=4, seed=0)
    pool, camera = taught
    differ = sum(not np.array_equal(*both) for both in zip(pool, camera, strict=True))
    assert told.split(" | ")[:3] == ["1 seed", str(differ), "8"] and 0 < differ < len(pool)
    assert list(network_rows(tmp_path / "own", photos, [], teaching, scale=4, seed=0)) == [told]
    assert len(taught) == 2
