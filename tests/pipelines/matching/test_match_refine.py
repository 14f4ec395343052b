"""What rounds cannot correct: planted noise is found, and kernels that differ by errors alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.arrays import round_to_u8
from degrade.audit.closed_loop import kernel_response
from degrade.degradation import PoolIndex
from degrade.degradation.index import Measured
from degrade.degradation.steps import ModelledNoise, ModelledNoiseSettings
from degrade.images.image_io import write_png
from degrade.kernels import BlurKernel, downsample, gaussian_kernel
from degrade.noise.model import make_noise
from degrade.noise.statistics import measure_noise
from degrade.pool import DegradationPool
from degrade.pool.findings import Findings
from degrade.pool.records import PhotoRecord, Provenance
from degrade.rng import rng_for
from pipelines.cli import main
from pipelines.matching.match_refine import nearer_to_mean
from tests.degrade.audit.scenes import make_scene
from tests.degrade.noise.planted import noisy_photo

_COUNT = 24
_SCALE = 2
_CAMERA = gaussian_kernel(17, _SCALE, (1.3, 1.3))


def run(*words: str | Path | int) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def _scattered(number: int) -> BlurKernel:
    """Return an estimate of the camera's kernel that is off by up to a third of its width."""
    width = 1.3 + 0.45 * np.cos(2.4 * number)
    return gaussian_kernel(17, _SCALE, (width, width))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One camera with one kernel and some noise; a pool whose kernels scatter, with twice that."""
    folder = tmp_path_factory.mktemp("planted")
    pool = DegradationPool.create(folder / "pool")
    values = msgspec.to_builtins(measure_noise(noisy_photo("camera", times=1.5)))
    index = PoolIndex((), (), {"noise-model": (Measured("camera", values),)})
    model = ModelledNoise.draw(index, (8, 8), rng_for(0)).model
    for number in range(_COUNT):
        hr = round_to_u8(make_scene(f"hr {number}", 192))
        write_png(folder / "hr" / f"{number}.png", hr)
        path = folder / "photos" / f"{number}.png"
        levels = downsample(np.rint(make_scene(f"photo {number}", 192)), _CAMERA)
        levels += 0.5 * make_noise(model, levels, number)
        write_png(path, round_to_u8(np.clip(levels, 0, 255)))
        data = path.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        pool.add_kernel(
            _scattered(number), Provenance(path.name, digest, None, "import", {}, "test")
        )
        photo = PhotoRecord(
            name=path.name,
            sha256=digest,
            path=str(path),
            height=96,
            width=96,
            format="png",
            channels=3,
            bit_depth=8,
            orientation=1,
            bytes=len(data),
            modified=0,
        )
        found = Findings(kind="noise-model", settings={}, values=values)
        pool.add_all_findings([(photo, found)])
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


def test_nearer_to_mean_keeps_cameras_apart() -> None:
    widths = {"a": 1.0, "b": 1.4, "c": 2.0, "d": 2.4, "e": 3.0}
    kernels = {key: gaussian_kernel(25, _SCALE, (width, width)) for key, width in widths.items()}
    cameras = {"a": "first", "b": "first", "c": "second", "d": "second"}
    assert nearer_to_mean(kernels, cameras, 0.0) is kernels
    moved = nearer_to_mean(kernels, cameras, 1.0)
    kept = {key: np.log(kernel_response(kernel)[2:14]) for key, kernel in moved.items()}
    assert np.abs(kept["a"] - kept["b"]).max() < 0.05
    assert np.abs(kept["c"] - kept["d"]).max() < 0.05
    assert np.abs(kept["a"] - kept["c"]).max() > 0.5
    own = np.log(kernel_response(kernels["e"])[2:14])
    assert np.abs(kept["e"] - own).max() < 0.05, "alone it is its own mean"
    half = nearer_to_mean(kernels, cameras, 0.5)
    apart = {
        name: np.abs(np.log(kernel_response(part["a"]) / kernel_response(part["b"]))[2:14]).mean()
        for name, part in (("before", kernels), ("half", half))
    }
    assert apart["half"] == pytest.approx(apart["before"] / 2, rel=0.1)
