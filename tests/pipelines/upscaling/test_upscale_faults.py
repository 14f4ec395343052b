"""What cannot be enlarged or written is named, before it costs anything else."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from degrade.disk.locks import folder_lock
from degrade.errors import DegradeError, FolderInUseError, InputError, InvalidValueError
from degrade.images.image_io import quantise, write_png
from esrgan.networks import RRDBNet
from esrgan.training.checkpoints import write_generator
from tests.making import make_scene
from tests.pipelines.enlarged import contents, photos, run, write_interpolator


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    return write_interpolator(tmp_path / "generator.pth")


def test_run_upscaling_fails_before_it_writes(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DegradeError, match="no photo"):
        run(tmp_path, weights, tmp_path / "empty")
    source = photos(tmp_path, "a.png")
    with pytest.raises(InputError, match=r"none\.pth: cannot be read"):
        run(tmp_path, tmp_path / "none.pth", source)
    with pytest.raises(InvalidValueError, match="fp16 is for GPUs"):
        run(tmp_path, weights, source, precision="fp16")
    torch.save({"params": torch.nn.Linear(1, 1)}, weights)
    with pytest.raises(DegradeError, match="could run code"):
        run(tmp_path, weights, source)
    gray = RRDBNet(in_channels=1, out_channels=1, features=4, blocks=1, growth=2)
    write_generator(weights, gray)
    with pytest.raises(InputError, match="a generator from 1 channels to 1"):
        run(tmp_path, weights, source)
    assert not (tmp_path / "out").exists()


def test_run_upscaling_says_when_memory_does_not_suffice(tmp_path: Path, weights: Path) -> None:
    with pytest.raises(InvalidValueError, match=r"a tile of this network needs .* GiB, got 0\.00"):
        run(tmp_path, weights, photos(tmp_path, "a.png"), tile=None, max_memory=1e-5)


def test_run_upscaling_waits_for_no_other_run(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "out").mkdir()
    with folder_lock(tmp_path / "out"), pytest.raises(FolderInUseError):
        run(tmp_path, weights, photos(tmp_path, "a.png"))


def test_run_upscaling_rejects_results_that_nobody_could_open(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.upscaling.upscale._MAX_RESULT_PIXELS", 1000)
    write_png(tmp_path / "in" / "large.png", quantise(make_scene("a", 8, 8)))
    write_png(tmp_path / "in" / "small.png", quantise(make_scene("a", 7, 8)))
    report = run(tmp_path, weights, tmp_path / "in")
    assert report.done == 1 and "32×32" in report.rejects[0].reason


def test_run_upscaling_rejects_what_a_format_cannot_hold(tmp_path: Path, weights: Path) -> None:
    write_png(tmp_path / "in" / "long.png", np.zeros((1, 4097, 3), np.uint8))
    (reject,) = run(tmp_path, weights, tmp_path / "in", format="webp").rejects
    assert "16388×4" in reject.reason and "16383" in reject.reason
    assert reject.remedy == "use `format=png`"


def test_run_upscaling_rejects_what_outgrows_a_format_and_goes_on(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("degrade.images.image_rows._TIFF_END", 1500)
    write_png(tmp_path / "in" / "a.png", quantise(make_scene("a", 40, 40)))
    write_png(tmp_path / "in" / "b.png", np.zeros((4, 4, 3), np.uint8))
    report = run(tmp_path, weights, tmp_path / "in", format="tiff")
    assert report.done == 1 and "4 GiB" in report.rejects[0].reason
    assert report.rejects[0].path.endswith("a.png")


def test_run_upscaling_rejects_names_that_become_too_long(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, "a" * 247 + ".png", "b.png")
    report = run(tmp_path, weights, source, suffix="_enlarged")
    assert report.done == 1
    assert "cannot be called" in report.rejects[0].reason


def test_run_upscaling_rejects_photos_whose_place_is_taken(tmp_path: Path, weights: Path) -> None:
    source = photos(tmp_path, "sub/a.png", "b.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "sub").write_text("a file")
    report = run(tmp_path, weights, source)
    assert report.done == 1 and report.rejects[0].path.endswith("a.png")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_run_upscaling_names_a_folder_that_cannot_be_written(tmp_path: Path, weights: Path) -> None:
    (tmp_path / "out").mkdir(mode=0o500)
    with pytest.raises(DegradeError, match="out"):
        run(tmp_path, weights, photos(tmp_path, "a.png"))


def test_run_upscaling_leaves_nothing_of_a_photo_that_the_disk_refuses(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = photos(tmp_path, "a.png", "b.png")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("degrade.disk.file_streams.os.fsync", full)
        with pytest.raises(DegradeError, match=r"a\.png: the disk is full"):
            run(tmp_path, weights, source)
    left = set(contents(tmp_path / "out"))
    assert left <= {"upscale.jsonl", "rejects.jsonl"}
    assert run(tmp_path, weights, source).done == 2


def test_run_upscaling_goes_on_when_a_result_could_not_be_replaced(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = photos(tmp_path, "a.png")
    run(tmp_path, weights, source)
    write_png(source / "a.png", quantise(make_scene("new", 10, 12)))

    def fail(*_arguments: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("degrade.disk.file_streams.Path.replace", fail)
        with pytest.raises(DegradeError):
            run(tmp_path, weights, source)
    report = run(tmp_path, weights, source)
    assert (report.done, report.rejects) == (1, ())
