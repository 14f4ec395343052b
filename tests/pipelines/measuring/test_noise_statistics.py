from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from degrade.degradation import make_pair, prepare_hr
from degrade.degradation.steps import ModelledNoise, ScaledResidual
from degrade.images.image_io import quantise, read_photo, write_png
from degrade.noise.statistics import NoiseStatistics
from degrade.pairs import open_pairs
from degrade.pool import DegradationPool
from esrgan.data import PairDataset
from pipelines.cli import main
from pipelines.measuring.noise_statistics import noise_words
from tests.degrade.noise.planted import flat_levels, noisy_levels
from tests.making import make_scene


def _run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a pool of a noisy JPEG of a known camera, a noisy PNG and a drawing."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("a.jpg", "b.png"):
        scene = make_scene(name, 256, 320) * 255
        scene[:, :256] = flat_levels(name, 256, 256)
        noisy = np.rint(np.clip(noisy_levels(name, scene, 0.4), 0, 255)).astype(np.uint8)
        if name == "b.png":
            write_png(folder / "photos" / name, noisy)
            continue
        image, file = Image.fromarray(noisy), io.BytesIO()
        exif = image.getexif()
        exif[271], exif[272] = "Maker", "X1"
        exif.get_ifd(0x8769)[0x8827] = 800
        image.save(file, "JPEG", quality=97, exif=exif)
        (folder / "photos").mkdir()
        (folder / "photos" / name).write_bytes(file.getvalue())
    drawing = np.full((128, 128, 3), 200, np.uint8)
    drawing[32:64] = (20, 60, 250)
    write_png(folder / "photos" / "drawing.png", drawing)
    write_png(folder / "hr" / "hr.png", quantise(make_scene("hr", 128, 128)))
    told = _run(
        "build-pool", folder / "photos", "--pool", folder / "pool", "--scale", 2, "--jobs", 1
    )
    (folder / "told.txt").write_text(told)
    return folder


def test_build_pool_and_inspect_tell_of_each_photo(folder: Path) -> None:
    told = (folder / "told.txt").read_text()
    assert "a.jpg: Maker X1, ISO 800; green σ" in told
    assert "b.png: camera not known; green σ" in told
    assert "drawing.png: cannot tell: its flat parts have no noise" in told
    assert "1 photo of 3 cannot tell their camera's noise" in told and "2 noise models" in told
    shown = _run("inspect", folder / "pool")
    assert "a.jpg  Maker X1, ISO 800; green σ" in shown and "cells are flat" in shown
    records = json.loads(_run("inspect", folder / "pool", "--json"))["measurements"]
    values = [record["values"] for record in records if record["kind"] == "noise-model"]
    assert sum("cannot_tell" in value for value in values) == 1
    again = _run(
        "build-pool", folder / "photos", "--pool", folder / "pool", "--scale", 2, "--jobs", 1
    )
    assert "0 noise models" in again


@pytest.mark.parametrize(("source", "step"), [("model", ModelledNoise), ("scaled", ScaledResidual)])
def test_pairs_take_their_noise_from_it(
    folder: Path, tmp_path: Path, source: str, step: type[ModelledNoise | ScaledResidual]
) -> None:
    build = ("build-pairs", "--pool", folder / "pool", "--hr", folder / "hr", "--scale", 2)
    build += ("--hr-size", 64, "--noise-from", source, "--jobs", 1, "--out", tmp_path / "pairs")
    told = _run(*build)
    assert (
        "noise of 2 photos, by camera:" in told and "Maker X1, ISO 800 (1 photo): green σ" in told
    )
    pairs = open_pairs(tmp_path / "pairs")
    plans = [record.plan for record in pairs.records]
    assert len(plans) == 4 and all(plan and isinstance(plan.steps[-1], step) for plan in plans)
    assert "identical, byte for byte" in _run("replay", tmp_path / "pairs", pairs.records[0].key)
    compressed = _run(*build[:-1], tmp_path / "jpeg", "--jpeg", "measured")
    assert "1 of 2 photos are or were JPEGs" in compressed


def test_training_draws_it_where_noise_is_deferred(folder: Path, tmp_path: Path) -> None:
    pairs, pool = tmp_path / "pairs", folder / "pool"
    build = ("build-pairs", "--pool", pool, "--hr", folder / "hr", "--scale", 2, "--hr-size", 64)
    told = _run(*build, "--noise", "defer", "--noise-from", "model", "--jobs", 1, "--out", pairs)
    assert "the model of the kernel's camera makes; left to training" in told
    dataset = PairDataset(pairs, hr_patch=32, seed=4, augment=False)
    hr_u8 = read_photo(folder / "hr" / "hr.png").as_u8()
    for key in [(0, 0), (1, 2)]:
        plan = dataset.read_plan(key)
        assert isinstance(plan.steps[-1], ModelledNoise)
        opened = DegradationPool.open(pool)
        pair = make_pair(prepare_hr(hr_u8, [plan], opened), plan, opened)
        assert np.array_equal(dataset[key][0].permute(1, 2, 0).numpy(), pair.lr_u8)


def test_pools_without_models_are_named_with_what_to_do(folder: Path, tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    _run("extract-noise", folder / "photos", "--pool", pool)
    _run("estimate-kernels", folder / "photos", "--pool", pool, "--scale", 2)
    build = ("build-pairs", "--pool", pool, "--hr", folder / "hr", "--scale", 2, "--noise-from")
    for source in ("model", "scaled"):
        said = _run(*build, source, "--out", tmp_path / source, code=1)
        assert "the pool knows no photo's noise as a model; degrade build-pool" in said
    assert DegradationPool.open(pool).noise


def test_noise_words_say_what_is_no_measurement() -> None:
    assert noise_words({"cannot_tell": "it is small"}) == "cannot tell: it is small"
    assert "colours must be" in noise_words({"colours": []})
    assert NoiseStatistics.__struct_fields__[0] == "version"
