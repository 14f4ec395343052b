"""Pairs whose LR is as that of the judges help; others do not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from degrade.arrays import U8Array, round_to_u8
from degrade.images.image_io import write_png
from degrade.kernels import downsample, gaussian_kernel
from pipelines.cli import main
from tests.degrade.audit.scenes import make_photo


def run(*words: str | Path | int) -> Result:
    return CliRunner().invoke(main, list(map(str, words)))


def blurred(hr: U8Array, sigma: float, scale: int = 2) -> U8Array:
    kernel = gaussian_kernel(17, scale, (sigma, sigma))
    return round_to_u8(downsample(hr.astype(np.float32), kernel))


def write_images(folder: Path, prefix: str, count: int, sigma: float) -> Path:
    for number in range(count):
        hr = make_photo(f"{prefix} {number}", 112, noise=0.2)
        write_png(folder / f"{number}_HR.png", hr)
        write_png(folder / f"{number}_LR.png", blurred(hr, sigma))
    return folder


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_images(tmp_path_factory.mktemp("real"), "real", 12, 1.7)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pairs")
    images = write_images(folder / "images", "learn", 8, 1.7)
    found = run("import-pairs", "--hr", images, "--lr", images, "--out", folder / "pairs")
    assert found.exit_code == 0, found.output
    return folder / "pairs"


def test_prove_says_that_pairs_of_the_same_blur_help(
    pairs: Path, real: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    words = ("prove", "--pairs", pairs, "--real", real)
    found = run("--report", report, *words)
    assert found.exit_code == 0, found.output
    assert "they help: +" in found.output and "SSIM: " in found.output
    proof = json.loads(report.read_text())["facts"][0]
    assert proof["helps"] is True and proof["photos"] == 12 and proof["pairs"] == 8
    assert 0.5 < proof["share"][0] < 1.6
    assert run(*words).stdout.splitlines()[1:] == found.stdout.splitlines()[1:]


def test_prove_says_that_pairs_of_another_blur_harm(real: Path, tmp_path: Path) -> None:
    images = write_images(tmp_path / "images", "learn", 8, 3.5)
    run("import-pairs", "--hr", images, "--lr", images, "--out", tmp_path / "pairs")
    found = run("prove", "--pairs", tmp_path / "pairs", "--real", real)
    assert found.exit_code == 0 and "they harm: -" in found.output


def test_prove_takes_photos_and_says_what_that_cannot_show(pairs: Path, tmp_path: Path) -> None:
    for number in range(9):
        hr = make_photo(f"photo {number}", 200, noise=0.2)
        write_png(tmp_path / "photos" / f"{number}.png", blurred(hr, 1.7))
    write_png(tmp_path / "photos" / "small.png", np.zeros((40, 40, 3), np.uint8))
    write_png(tmp_path / "photos" / "black.png", np.zeros((200, 200, 3), np.uint8))
    found = run("prove", "--pairs", pairs, "--photos", tmp_path / "photos")
    assert found.exit_code == 3 and "small.png" in found.output
    assert "black.png: all its pixels are equal; use a photo with edges" in found.output
    assert "cannot show whether the kernels are right" in found.output
    assert "learned from 8 pairs, judged by 9 photos made smaller" in found.output


def test_prove_does_not_learn_from_what_judges(pairs: Path, real: Path, tmp_path: Path) -> None:
    images = pairs.parent / "images"
    found = run("prove", "--pairs", pairs, "--real", images)
    assert found.exit_code == 1 and "every pair judges too" in found.output
    shutil.copytree(real, tmp_path / "both")
    for number in range(3):
        for side in ("HR", "LR"):
            name = f"{number}_{side}.png"
            shutil.copy(images / name, tmp_path / "both" / f"again {name}")
    found = run("prove", "--pairs", pairs, "--real", tmp_path / "both")
    assert "3 pairs whose HR judges too: not learned from" in found.output
    assert "learned from 5 pairs, judged by 15 real pairs" in found.output


def test_prove_rejects_real_images_larger_than_allowed(pairs: Path, real: Path) -> None:
    found = run("prove", "--pairs", pairs, "--real", real, "--max-pixels", 1000)
    assert found.exit_code == 1 and "--max-pixels" in found.output


def test_prove_refuses_what_cannot_judge(pairs: Path, real: Path, tmp_path: Path) -> None:
    assert "give either --real or --photos" in run("prove", "--pairs", pairs).output
    few = write_images(tmp_path / "few", "few", 3, 1.7)
    found = run("prove", "--pairs", pairs, "--real", few)
    assert found.exit_code == 1 and "3 images can judge, at least 8 are needed" in found.output
    assert run("prove", "--pairs", real, "--real", real).exit_code == 1
    itself = run("prove", "--pairs", pairs, "--real", pairs / ".." / pairs.name)
    assert itself.exit_code == 1 and "cannot judge itself: give pairs of other" in itself.output
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    circle = run("prove", "--pairs", pairs, "--real", tmp_path / "circle")
    assert circle.exit_code in (1, 2) and "circle" in circle.stderr
    assert isinstance(circle.exception, SystemExit)
    for number in range(9):
        write_png(tmp_path / "black" / f"{number}.png", np.full((200, 200, 3), number, np.uint8))
    found = run("prove", "--pairs", pairs, "--photos", tmp_path / "black")
    assert "0 images can judge, at least 8 are needed; refused: " in found.output
    assert "all its pixels are equal" in found.output and "8 more for this reason" in found.output
    (tmp_path / "empty").mkdir()
    assert run("prove", "--pairs", pairs, "--real", tmp_path / "empty").exit_code == 1


def test_prove_full_trains_networks_and_goes_on_when_given_again(
    pairs: Path, real: Path, tmp_path: Path
) -> None:
    words = ("prove", "--pairs", pairs, "--real", real, "--full", "--out", tmp_path / "networks")
    report = tmp_path / "report.json"
    found = run("--report", report, *words, "--steps", 3)
    assert found.exit_code == 0, found.output
    facts = json.loads(report.read_text())["facts"]
    (told,) = [fact for fact in facts if fact["kind"] == "networks"]
    assert told["steps"] == 3 and "networks of 3 steps, " in told["words"]
    scores = {fact["score"]: fact["gain"] for fact in facts if fact["kind"] == "network_score"}
    assert len(scores) == 5 and any(scores.values()), "they learned from different LR"
    weights = (tmp_path / "networks" / "model-pairs" / "generator.pth").read_bytes()
    again = run(*words, "--steps", 3)
    assert again.exit_code == 0 and told["words"] in again.output
    assert (tmp_path / "networks" / "model-pairs" / "generator.pth").read_bytes() == weights


def test_prove_full_touches_no_other_files(pairs: Path, real: Path, tmp_path: Path) -> None:
    (tmp_path / "HR").mkdir()
    (tmp_path / "HR" / "00000.png").write_bytes(b"mine")
    words = ("prove", "--pairs", pairs, "--real", real)
    found = run(*words, "--full", "--out", tmp_path, "--steps", 1)
    assert found.exit_code == 1 and "00000.png" in found.output
    assert (tmp_path / "HR" / "00000.png").read_bytes() == b"mine"
    other = run(*words, "--full", "--out", pairs, "--steps", 1)
    assert other.exit_code == 1 and "holds a run of build-pairs; choose another" in other.output
    (tmp_path / "HR" / "00000.png").rename(tmp_path / "HR" / "00900.png")
    more = run(*words, "--full", "--out", tmp_path, "--steps", 1)
    assert more.exit_code == 1 and "00900.png is of other pairs" in more.output
    for half in (("--full",), ("--out", tmp_path)):
        assert run(*words, *half).exit_code == 2
