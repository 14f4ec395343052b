"""Several plausible results of one photo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from degrade.errors import DegradeError
from degrade.images.image_io import read_photo
from esrgan.training.checkpoints import write_generator
from esrgan.training.noise_input import take_noise
from esrgan.weights.files import read_network
from tests.pipelines.enlarged import contents, photos, run, write_interpolator


@pytest.fixture
def noisy(tmp_path: Path) -> Path:
    network = read_network(write_interpolator(tmp_path / "plain.pth"))
    torch.manual_seed(0)
    take_noise(network, 1)
    write_generator(tmp_path / "noisy.pth", network)
    return tmp_path / "noisy.pth"


def test_samples_are_as_many_results_that_differ(tmp_path: Path, noisy: Path) -> None:
    source = photos(tmp_path, "a.png", "b.png")
    assert run(tmp_path, noisy, source, samples=3).done == 6
    names = [f"{name}-{number}.png" for name in "ab" for number in (1, 2, 3)]
    assert all((tmp_path / "out" / name).exists() for name in names)
    pictures = [read_photo(tmp_path / "out" / name).pixels for name in names[:3]]
    assert all(each.shape == (80, 120, 3) for each in pictures)
    assert (pictures[0] != pictures[1]).any() and (pictures[1] != pictures[2]).any()
    before = contents(tmp_path / "out")
    again = run(tmp_path, noisy, source, samples=4)
    assert (again.done, again.skipped) == (2, 6)
    assert (
        before.items()
        <= {**contents(tmp_path / "out"), "upscale.jsonl": before["upscale.jsonl"]}.items()
    )


def test_one_result_is_the_first_sample(tmp_path: Path, noisy: Path) -> None:
    source = photos(tmp_path, "a.png")
    run(tmp_path, noisy, source)
    run(tmp_path, noisy, source, samples=1, out="other")
    assert contents(tmp_path / "out")["a.png"] == contents(tmp_path / "other")["a-1.png"]


def test_weights_without_noise_have_no_samples(tmp_path: Path) -> None:
    plain = write_interpolator(tmp_path / "plain.pth")
    with pytest.raises(DegradeError, match=r"plain\.pth: takes no noise"):
        run(tmp_path, plain, photos(tmp_path, "a.png"), samples=2)


def test_a_bad_photo_is_named_once_for_all_samples(tmp_path: Path, noisy: Path) -> None:
    source = photos(tmp_path, "a.png", "cut.png")
    cut = source / "cut.png"
    cut.write_bytes(cut.read_bytes()[:-40])  # its header is sound
    (source / "no.png").write_bytes(b"no image")
    report = run(tmp_path, noisy, source, samples=3)
    assert report.done == 3
    assert sorted(Path(each.path).name for each in report.rejects) == ["cut.png", "no.png"]
    lines = (tmp_path / "out" / "rejects.jsonl").read_text().splitlines()
    assert sorted(Path(json.loads(line)["path"]).name for line in lines) == ["cut.png", "no.png"]
