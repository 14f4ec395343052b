"""What rounds cannot correct: planted noise is found, and kernels that differ by errors alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.arrays import round_to_u8
from degrade.audit.closed_loop import NO_GAIN, kernel_response
from degrade.audit.features import PhotoFeatures, measure_features
from degrade.degradation import PoolIndex
from degrade.degradation.index import Measured
from degrade.degradation.steps import ModelledNoise, ModelledNoiseSettings
from degrade.images.image_io import write_png
from degrade.kernels import BlurKernel, downsample, gaussian_kernel
from degrade.noise.model import make_noise
from degrade.noise.statistics import measure_noise
from degrade.pool import DegradationPool
from degrade.pool.findings import Findings
from degrade.pool.records import Provenance
from degrade.rng import rng_for
from pipelines.cli import main
from pipelines.matching.hr_patches import HRPatches
from pipelines.matching.match_bench import Bench
from pipelines.matching.match_loop import LoopResult
from pipelines.matching.match_refine import (
    KernelGroups,
    Refinement,
    _Judge,
    _State,
    nearer_to_mean,
)
from tests.degrade.audit.scenes import make_photo, make_scene
from tests.degrade.noise.planted import noisy_photo
from tests.pipelines.matching.pools import add_photo, kernel_with_lobes

_COUNT = 24
_SCALE = 2
_CAMERA = gaussian_kernel(17, _SCALE, (1.3, 1.3))
_LOBES = kernel_with_lobes(536)


def run(*words: str | Path | int) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def _scattered(number: int) -> BlurKernel:
    """Return an estimate of the camera's kernel that is off by up to a third of its width."""
    width = 1.3 + 0.45 * np.cos(2.4 * number)
    return gaussian_kernel(17, _SCALE, (width, width))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One camera with one kernel and some noise; a pool whose kernels scatter, with twice that.

    The last one has lobes.
    """
    folder = tmp_path_factory.mktemp("planted")
    pool = DegradationPool.create(folder / "pool")
    values = msgspec.to_builtins(measure_noise(noisy_photo("camera", times=1.5)))
    index = PoolIndex((), (), {"noise-model": (Measured("camera", values),)})
    model = ModelledNoise.draw(index, (8, 8), rng_for(0)).model
    for number in range(_COUNT + 1):
        hr = round_to_u8(make_scene(f"hr {number}", 192))
        write_png(folder / "hr" / f"{number}.png", hr)
        path = folder / "photos" / f"{number}.png"
        levels = downsample(np.rint(make_scene(f"photo {number}", 192)), _CAMERA)
        levels += 0.5 * make_noise(model, levels, number)
        write_png(path, round_to_u8(np.clip(levels, 0, 255)))
        found = Findings(kind="noise-model", settings={}, values=values)
        kernel = _scattered(number) if number < _COUNT else _LOBES
        add_photo(pool, path, kernel, found, side=96)
    return folder


def test_match_finds_the_share_of_the_noise_and_the_one_kernel(planted: Path) -> None:
    pool, report = planted / "pool", planted / "report.json"
    words = ("match", planted / "photos", "--pool", pool, "--hr", planted / "hr")
    found = run("--report", report, *words, "--scale", _SCALE, "--aim", "match")
    assert found.exit_code == 0, found.output
    facts = json.loads(report.read_text())["facts"]
    (told,) = [fact for fact in facts if fact["kind"] == "refined"]
    assert told["after"] < 0.8 * told["before"], told
    assert told["towards_mean"] >= 0.5, found.output
    left = f"could not be moved nearer to the mean, as lobes leave no centre: {_COUNT}.png"
    assert f"1 kernel of {_COUNT + 1} {left}" in found.output
    numbers = [fact["round"] for fact in facts if fact["kind"] == "round"]
    assert numbers == list(range(len(numbers))), "rounds are counted on"
    opened = DegradationPool.open(pool)
    recipe = opened.matched_recipe(_SCALE)
    times = [
        entry.settings.times
        for entry in recipe.entries
        if entry.kind == ModelledNoise.kind and isinstance(entry.settings, ModelledNoiseSettings)
    ]
    assert times and 0.3 < times[0] < 0.8, recipe.lines()
    ids = opened.index(_SCALE).matched_ids
    after = np.log([kernel_response(opened.read_kernel(key))[4:12] for key in ids])
    before = np.log([kernel_response(_scattered(n))[4:12] for n in range(_COUNT)])
    assert after.std(axis=0).mean() < 0.6 * before.std(axis=0).mean()
    assert (
        np.abs(
            20 / np.log(10) * (after.mean(axis=0) - np.log(kernel_response(_CAMERA))[4:12])
        ).max()
        < 1.5
    )


def test_nearer_to_mean_keeps_cameras_and_the_regions_of_a_photo_apart() -> None:
    widths = {"a": 1.0, "b": 1.4, "c": 2.0, "d": 2.4, "e": 3.0, "f": 1.2}
    kernels = {key: gaussian_kernel(25, _SCALE, (width, width)) for key, width in widths.items()}
    cameras = {"a": "first", "b": "first", "f": "first", "c": "second", "d": "second"}
    groups = KernelGroups(cameras, {"b": "a photo", "f": "a photo"})
    assert nearer_to_mean(kernels, groups, 0.0) is kernels
    kept = {
        name: {key: np.log(kernel_response(kernel)[2:14]) for key, kernel in part.items()}
        for name, part in (
            ("before", kernels),
            ("half", nearer_to_mean(kernels, groups, 0.5)),
            ("all", nearer_to_mean(kernels, groups, 1.0)),
        )
    }
    after = kept["all"]
    photo = (after["b"] + after["f"]) / 2
    assert np.abs(after["a"] - photo).max() < 0.05
    assert np.abs(after["c"] - after["d"]).max() < 0.05
    assert np.abs(after["a"] - after["c"]).max() > 0.5
    assert np.abs(after["e"] - kept["before"]["e"]).max() < 0.05, "alone it is its own mean"
    for name in ("half", "all"):
        regions = [kept[each]["b"] - kept[each]["f"] for each in ("before", name)]
        assert np.abs(regions[0] - regions[1]).max() < 0.05, "regions stay as different"
    apart = [np.abs(kept[name]["c"] - kept[name]["d"]).mean() for name in ("before", "half")]
    assert apart[1] == pytest.approx(apart[0] / 2, rel=0.1)


def test_nearer_to_mean_leaves_a_kernel_that_would_have_no_centre_and_moves_the_others() -> None:
    kernels = {f"{number}": _scattered(number) for number in range(8)} | {"lobes": _LOBES}
    for share in (0.5, 0.8):
        moved = nearer_to_mean(kernels, KernelGroups({}, {}), share)
        assert [key for key in kernels if moved[key] is kernels[key]] == ["lobes"]
        spread = [
            np.log([kernel_response(part[f"{n}"])[4:12] for n in range(8)]).std(axis=0).mean()
            for part in (kernels, moved)
        ]
        assert spread[1] == pytest.approx((1 - share) * spread[0], rel=0.1)


def test_match_leaves_what_is_alike(tmp_path: Path) -> None:
    """LR that differs from photos by its scenes alone."""
    pool = DegradationPool.create(tmp_path / "pool")
    for number in range(_COUNT):
        hr = round_to_u8(make_scene(f"hr {number}", 192))
        write_png(tmp_path / "hr" / f"{number}.png", hr)
        levels = downsample(np.rint(make_scene(f"photo {number}", 192)), _CAMERA)
        write_png(tmp_path / "photos" / f"{number}.png", round_to_u8(np.clip(levels, 0, 255)))
        near = gaussian_kernel(17, _SCALE, (1.3, 1.3 + number / 2000))
        pool.add_kernel(near, Provenance("camera", None, None, "import", {}, "test"))
    words = ("match", tmp_path / "photos", "--pool", pool.path, "--hr", tmp_path / "hr")
    report = tmp_path / "report.json"
    found = run("--report", report, *words, "--scale", _SCALE, "--aim", "match")
    assert found.exit_code == 0, found.output
    facts = json.loads(report.read_text())["facts"]
    (told,) = [fact for fact in facts if fact["kind"] == "refined"]
    assert told["tried"] and not (told["noise"] or told["towards_mean"] or told["edges"]), told
    assert '"refined"' in (pool.path / "index.jsonl").read_text()


def test_a_recipe_is_nearer_when_most_draws_of_the_photos_say_so(planted: Path) -> None:
    """Of LR of one kind no draw of it is; of LR that is off in all figures the other one is."""
    one = measure_features(make_photo("one", 64))
    count, figures = 40, len(one.values)

    def drawn(name: str, off: float = 0.0) -> list[PhotoFeatures]:
        values = rng_for(0, "figures", name).normal(off, 1, (count, figures))
        return [replace(one, values=row) for row in values]

    keys = tuple(map(str, range(count)))
    pool = DegradationPool.open(planted / "pool")
    bench = Bench(pool, HRPatches(keys, ()), tuple(drawn("photos")), keys, _SCALE, 0)
    judge = _Judge(bench, np.repeat(np.arange(count)[:, None], 2, axis=1))

    def state(lr: list[PhotoFeatures]) -> _State:
        found = LoopResult({}, {}, NO_GAIN, (), (), tuple(lr))
        return judge.judged(Refinement(), {}, found)

    far, near = state(drawn("far", 0.8)), state(drawn("near"))
    assert judge.is_nearer(near, far) and not judge.is_nearer(far, near)
    alike = [state(drawn(f"{number}")) for number in range(21)]
    assert sum(judge.is_nearer(*both) for both in pairwise(alike)) <= 4


def test_few_photos_are_not_refined(planted: Path, tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    for number in range(12):
        shutil.copy(planted / "photos" / f"{number}.png", tmp_path / "few")
    shutil.copytree(planted / "pool", tmp_path / "pool")
    words = ("match", tmp_path / "few", "--pool", tmp_path / "pool", "--hr", planted / "hr")
    found = run(*words, "--scale", _SCALE, "--aim", "match")
    assert found.exit_code == 0, found.output
    assert "not refined: fewer than 16 photos show what HR shows" in found.output
