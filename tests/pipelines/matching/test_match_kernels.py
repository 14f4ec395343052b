"""Which kernels a match leaves for training: moved towards what cameras usually keep."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from degrade.arrays import round_to_u8
from degrade.audit.camera_prior import towards_cameras
from degrade.audit.closed_loop import kernel_response
from degrade.audit.spectra import BAND_FREQUENCIES
from degrade.images.image_io import write_png
from degrade.kernels import downsample, gaussian_kernel
from degrade.pool import DegradationPool
from degrade.pool.findings import Findings
from degrade.rng import rng_for
from pipelines.cli import main
from tests.degrade.audit.scenes import make_scene
from tests.pipelines.matching.pools import add_photo

_COUNT, _SCALE = 20, 2
_AT = {"at 0.15": 0.15, "at 0.3": 0.3}


@pytest.fixture(scope="module")
def hr(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hr")
    for number in range(_COUNT):
        write_png(folder / f"{number}.png", round_to_u8(make_scene(f"hr {number}", 160)))
    return folder


def _take(folder: Path, sigma: float) -> Path:
    """Make photos by a Gaussian of so many HR pixels, and a pool with two kernels for them."""
    pool = DegradationPool.create(folder / "pool")
    (folder / "photos").mkdir()
    blur = gaussian_kernel(33, _SCALE, (sigma, sigma))
    with pool.writing():
        for number in range(_COUNT):
            path = folder / "photos" / f"{number}.png"
            levels = downsample(np.rint(make_scene(f"photo {number}", 160)), blur)
            levels += rng_for(0, "sensor", number).normal(0, 0.3, levels.shape).astype(np.float32)
            write_png(path, round_to_u8(np.clip(levels, 0, 255)))
            start = gaussian_kernel(17, _SCALE, (1.3 + number / 1000, 1.3))
            named = Findings(kind="camera", settings={}, values={"make": "Test", "model": "one"})
            add_photo(pool, path, start, named, side=80)
    return folder


def _match(folder: Path, hr: Path, *words: str) -> tuple[list[dict], dict[str, np.ndarray], str]:
    """Return a match's facts, the mean responses of both kinds of kernels, and what it said."""
    report, pool = folder / "report.json", folder / "pool"
    command = ["match", folder / "photos", "--pool", pool, "--hr", hr, "--scale", _SCALE, *words]
    done = CliRunner().invoke(main, list(map(str, ["--report", report, *command])))
    assert done.exit_code == 0, done.output
    opened = DegradationPool.open(pool)
    matched = set(opened.index(_SCALE).matched_ids)
    found: dict[str, list[np.ndarray]] = {"corrected": [], "own": []}
    pairs: dict[str, list[np.ndarray]] = {}
    for one in opened.kernels:
        if one.id in matched:
            key = str(one.provenance.settings["kernel"])
            pairs.setdefault(key, []).append(kernel_response(opened.read_kernel(one.id)))
    for key, both in pairs.items():
        given = kernel_response(opened.read_kernel(key))
        near, far = sorted(both, key=lambda each: float(np.abs(each - given).sum()))
        found["own"].append(near)
        found["corrected"].append(far)
    means = {name: np.mean(each, axis=0) for name, each in found.items()}
    return json.loads(report.read_text())["facts"], means, done.output


def test_soft_photos_teach_sharper_kernels_by_what_is_told(tmp_path: Path, hr: Path) -> None:
    folder = _take(tmp_path, 1.6)
    facts, without, said = _match(folder, hr, "--prior", "none")
    assert not [fact for fact in facts if fact["kind"] == "prior"] and "usual" not in said
    facts, moved, said = _match(folder, hr)
    (told,) = (fact for fact in facts if fact["kind"] == "prior")
    assert 0 < told["share"] <= 1 / 3 and told["apart"] > 1, told
    assert told["camera"] == "Test one" and "softer than cameras usually are" in said
    move = towards_cameras(without["corrected"])
    assert told["share"] == pytest.approx(move.share, abs=1e-3)
    for name, band in _AT.items():
        before, after = (
            float(np.interp(band, BAND_FREQUENCIES, each["corrected"])) for each in (without, moved)
        )
        assert np.log(after / before) == pytest.approx(told[name], abs=0.03)
        assert told[name] > 0.03
    # Those as estimated go half of the way to where the corrected ones are.
    middle = slice(4, 14)
    wanted = np.sqrt(without["own"] * moved["corrected"])[middle]
    assert moved["own"][middle] == pytest.approx(wanted, rel=0.05)


def test_photos_far_softer_than_cameras_keep_their_kernels(tmp_path: Path, hr: Path) -> None:
    folder = _take(tmp_path, 3.2)
    facts, moved, said = _match(folder, hr)
    (told,) = (fact for fact in facts if fact["kind"] == "prior")
    assert told["share"] == 0 and told["apart"] > 6 and "they stay" in said
    _, without, _ = _match(folder, hr, "--prior", "none")
    assert all(np.array_equal(moved[name], without[name]) for name in moved)
