"""Kernels of one camera's photos, from the command to what pairs draw where they are asked to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from degrade.arrays import U8Array
from degrade.degradation.steps import Blur
from degrade.images.image_io import write_png
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool
from pipelines.cli import main
from tests.pipelines.photographs import take_photo


def _save_jpeg(path: Path, pixels: U8Array, model: str) -> None:
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[271], exif[272] = "Maker", model
    image.save(path, "JPEG", quality=95, exif=exif)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, sigma in enumerate((0.6, 0.8, 1.1)):
        pixels = take_photo(f"scene {number}", scale=2, sigma=sigma, side=200)
        _save_jpeg(folder / f"{number}.jpg", pixels, "X1")
    return folder


@pytest.fixture
def degrade() -> Callable[..., Result]:
    def run(*words: object) -> Result:
        return CliRunner().invoke(main, [str(word) for word in words])

    return run


def _ids(pool: Path) -> tuple[str, ...]:
    """Return what a recipe draws which asks for the kernels of the camera."""
    return tuple(key for (key,) in DegradationPool.open(pool).index(2).camera_by_photo)


def _own(pool: Path) -> tuple[str, ...]:
    return DegradationPool.open(pool).index(2).kernel_ids


@pytest.mark.parametrize("command", ["estimate-kernels", "build-pool"])
def test_photos_of_one_camera_have_kernels_nearer_to_each_other_and_it_is_told(
    tmp_path: Path, photos: Path, degrade: Callable[..., Result], command: str
) -> None:
    found = degrade(command, photos, "--pool", tmp_path / "pool", "--scale", 2)
    assert "3 kernels are also kept nearer to the mean of their camera's" in found.output
    assert "Maker X1 (3, " in found.output and "--camera none" in found.output
    pool = DegradationPool.open(tmp_path / "pool")
    own = [pool.read_kernel(record.id) for record in pool.kernels]
    assert len(own) == 3 and not {record.id for record in pool.kernels} & set(_ids(pool.path))
    told = json.loads(degrade("inspect", tmp_path / "pool", "--json").output)
    for kernel in told["kernels"]:
        moved = kernel["of_camera"]
        assert moved["camera"] == "Maker X1" and moved["camera_photos"] == 3
        assert 0 < moved["camera_share"] <= 0.75 and moved["id"] in _ids(pool.path)
        wide, narrow = moved["sigmas"]
        assert wide >= narrow > 0
        assert moved["expected_kpsnr"] > kernel["provenance"]["statistics"]["expected_kpsnr"]
    lines = degrade("inspect", tmp_path / "pool").output
    assert lines.count("nearer to the mean of 3 of Maker X1") == 3


def test_photos_that_are_added_later_give_what_all_at_once_give(
    tmp_path: Path, photos: Path, degrade: Callable[..., Result]
) -> None:
    once, later = tmp_path / "once", tmp_path / "later"
    degrade("estimate-kernels", photos, "--pool", once, "--scale", 2, "--jobs", 2)
    for path in sorted(photos.iterdir(), reverse=True):
        degrade("estimate-kernels", path, "--pool", later, "--scale", 2)
    again = degrade("estimate-kernels", photos, "--pool", later, "--scale", 2)
    assert "0 kernels, 3 already there" in again.output
    assert _ids(once) == _ids(later) and len(_ids(once)) == 3


def test_camera_none_leaves_kernels_as_they_are_and_a_name_joins_all(
    tmp_path: Path, photos: Path, degrade: Callable[..., Result]
) -> None:
    pool = tmp_path / "pool"
    _save_jpeg(photos / "3.jpg", take_photo("scene 3", scale=2, sigma=0.9, side=200), "X2")
    own = degrade("estimate-kernels", photos, "--pool", pool, "--scale", 2, "--camera", "none")
    assert "kept nearer" not in own.output
    raw = _ids(pool)
    assert raw == tuple(record.id for record in DegradationPool.open(pool).kernels)
    by_exif = degrade("estimate-kernels", photos, "--pool", pool, "--scale", 2)
    assert "Maker X1 (3, " in by_exif.output and len(set(_ids(pool)) & set(raw)) == 1
    named = degrade("estimate-kernels", photos, "--pool", pool, "--scale", 2, "--camera", "mine")
    assert "mine (4, " in named.output and not set(_ids(pool)) & set(raw)
    degrade("estimate-kernels", photos, "--pool", pool, "--scale", 2, "--camera", "none")
    assert _ids(pool) == raw


def test_photos_without_exif_stay_as_they_are(
    tmp_path: Path, degrade: Callable[..., Result]
) -> None:
    (tmp_path / "photos").mkdir()
    for number in range(2):
        pixels = take_photo(f"scene {number}", scale=2, sigma=0.8, side=200)
        write_png(tmp_path / "photos" / f"{number}.png", pixels)
    pool = tmp_path / "pool"
    found = degrade("estimate-kernels", tmp_path / "photos", "--pool", pool, "--scale", 2)
    assert "kept nearer" not in found.output
    records = DegradationPool.open(pool).kernels
    assert _ids(pool) == tuple(record.id for record in records)


def test_a_photo_whose_kernel_is_rejected_is_no_photo_of_the_pool(
    tmp_path: Path, photos: Path, degrade: Callable[..., Result]
) -> None:
    rng = np.random.default_rng(0)
    _save_jpeg(photos / "noise.jpg", rng.integers(0, 256, (200, 200, 3), np.uint8), "X1")
    pool = tmp_path / "pool"
    words = ("--pool", pool, "--scale", 2, "--min-confidence", 0.999999)
    degrade("estimate-kernels", photos, *words)
    if pool.exists():
        assert DegradationPool.open(pool).photos == ()


def test_pairs_have_each_photos_own_kernel_or_the_cameras_as_the_recipe_says(
    tmp_path: Path, photos: Path, degrade: Callable[..., Result]
) -> None:
    pool, recipe = tmp_path / "pool", tmp_path / "camera.toml"
    degrade("estimate-kernels", photos, "--pool", pool, "--scale", 2)
    recipe.write_text('[[steps]]\nkind = "blur"\nkernels = "camera"\n')
    shown = degrade("recipe", "show", recipe, "--pool", pool, "--scale", 2)
    assert "3 kernels ×2, 3 nearer to their camera's" in shown.output
    shown = degrade("recipe", "show", "measured", "--pool", pool, "--scale", 2)
    assert "# the spectral estimator found 3 of the 3 kernels" in shown.output
    shown = degrade("recipe", "show", recipe, "--pool", pool, "--scale", 2)
    assert "nearer to those of its camera, each as likely" in shown.output

    def build(out: str, *words: object) -> Result:
        common = ("--pool", pool, "--hr", photos, "--out", tmp_path / out, "--hr-size", 48)
        return degrade("build-pairs", *common, "--scale", 2, "--noise", "none", *words)

    def kernels(out: str) -> set[str]:
        with open_pairs(tmp_path / out) as reader:
            steps = (record.plan.steps[0] for record in reader.records if record.plan)
            return {step.kernel_id for step in steps if isinstance(step, Blur)}

    for out, words, wanted in (
        ("own", (), _own(pool)),
        ("camera", ("--recipe", recipe), _ids(pool)),
    ):
        assert build(out, *words).exit_code == 0
        assert kernels(out) == set(wanted)
        assert degrade("verify", tmp_path / out).exit_code == 0
    # Nothing is moved any more: who drew each photo's own goes on, who drew the camera's cannot.
    degrade("estimate-kernels", photos, "--pool", pool, "--scale", 2, "--camera", "none")
    assert build("own").exit_code == 0
    refused = build("camera", "--recipe", recipe)
    assert refused.exit_code == 1 and "moved towards their camera's" in refused.output
    with open_pairs(tmp_path / "camera") as reader:
        key = reader.keys[0]
    assert degrade("replay", tmp_path / "camera", key).exit_code == 0
