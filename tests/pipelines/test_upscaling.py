from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from degrade.errors import DegradeError
from degrade.image_io import quantise, read_photo, write_png
from esrgan.checkpoints import write_generator
from esrgan.networks import RRDBNet
from esrgan.starting import start_as_interpolation
from pipelines.upscaling import UpscaleConfig, run_upscaling
from tests.making import make_scene


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    generator = RRDBNet(scale=4, features=4, blocks=1, growth=2)
    start_as_interpolation(generator)
    write_generator(tmp_path / "generator.pth", generator)
    return tmp_path / "generator.pth"


def run(tmp_path: Path, weights: Path, *sources: Path, out: str = "out"):
    config = UpscaleConfig(sources=sources, weights=weights, out=tmp_path / out, tile=16)
    return run_upscaling(config)


def test_run_upscaling_enlarges_a_folder_and_rejects_by_name(tmp_path: Path, weights: Path) -> None:
    scene = make_scene("a", 20, 30)
    write_png(tmp_path / "in" / "photo.png", quantise(scene))
    write_png(tmp_path / "in" / "sub" / "ünï code.png", np.rint(scene * 65535).astype(np.uint16))
    (tmp_path / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    report = run(tmp_path, weights, tmp_path / "in")
    assert (report.done, report.exit_code) == (2, 3)
    photo = read_photo(tmp_path / "out" / "photo.png").pixels
    deep = read_photo(tmp_path / "out" / "sub" / "ünï code.png").pixels
    assert photo.shape == deep.shape == (80, 120, 3)
    assert photo.dtype == np.uint8 and deep.dtype == np.uint16
    assert abs(photo.mean() / 255 - scene.mean()) < 0.03
    assert np.abs(photo / 255 - deep / 65535).max() < 0.02
    (line,) = (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()
    assert "broken.png" in json.loads(line)["path"]


def test_run_upscaling_keeps_photos_of_one_name_apart(tmp_path: Path, weights: Path) -> None:
    for number, folder in enumerate(("one", "two")):
        write_png(tmp_path / folder / "a.png", quantise(make_scene(f"s{number}", 8, 8 + number)))
    write_png(tmp_path / "one" / "a.bmp", quantise(make_scene("s2", 8, 10)))
    report = run(tmp_path, weights, tmp_path / "one", tmp_path / "two")
    assert report.done == 3
    widths = {read_photo(p).pixels.shape[1] for p in (tmp_path / "out").glob("*.png")}
    assert widths == {32, 36, 40}


def test_run_upscaling_never_replaces_a_source(tmp_path: Path, weights: Path) -> None:
    path = tmp_path / "in" / "photo.png"
    write_png(path, quantise(make_scene("a", 8, 8)))
    before = path.read_bytes()
    with pytest.raises(DegradeError, match=r"photo\.png is a source"):
        run(tmp_path, weights, tmp_path / "in", out="in")
    assert path.read_bytes() == before


def test_run_upscaling_fails_before_it_writes(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DegradeError, match="no photo"):
        run(tmp_path, weights, tmp_path / "empty")
    torch.save({"params": torch.nn.Linear(1, 1)}, weights)
    with pytest.raises(DegradeError, match="could run code"):
        run(tmp_path, weights, tmp_path / "empty")
    assert not (tmp_path / "out").exists()


def test_run_upscaling_rejects_results_that_nobody_could_open(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.upscaling._MAX_RESULT_PIXELS", 1000)
    write_png(tmp_path / "in" / "large.png", quantise(make_scene("a", 8, 8)))
    write_png(tmp_path / "in" / "small.png", quantise(make_scene("a", 7, 8)))
    report = run(tmp_path, weights, tmp_path / "in")
    assert report.done == 1 and "32×32" in report.rejects[0].reason
