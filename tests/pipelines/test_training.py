"""Runs stop, go on and end as promised; the arithmetic is tested beside the code that has it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest
import torch

from degrade.errors import ChangedConfigError, DegradeError
from degrade.image_io import read_photo
from esrgan.checkpoints import CheckpointWarning, read_generator
from esrgan.presets import PRESETS
from esrgan.upscaling import DEFAULT_TILE
from pipelines import BuildPairsConfig, build_pairs
from pipelines.cli.training_commands import train, upscale
from pipelines.training import TrainRunConfig, run_training


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def pairs(tmp_path: Path, scenes: Path, pool: Path) -> Path:
    config = BuildPairsConfig(
        pool=pool, out=tmp_path / "pairs", hr=(scenes,), scale=2, hr_size=64, noise="defer"
    )
    build_pairs(config)
    return tmp_path / "pairs"


@pytest.fixture
def config(tmp_path: Path, pairs: Path) -> TrainRunConfig:
    return TrainRunConfig(
        pairs=pairs, out=tmp_path / "model", steps=4, batch_size=2, hr_patch=32, save_every=2
    )


def log_of(config: TrainRunConfig) -> list[dict[str, float]]:
    return [json.loads(line) for line in (config.out / "log.jsonl").read_text().splitlines()]


def test_run_training_leaves_weights_checkpoints_a_log_and_a_picture(
    config: TrainRunConfig,
) -> None:
    progress: list[tuple[int, int]] = []
    report = run_training(config, on_progress=lambda *step: progress.append(step))
    assert (report.done, report.exit_code) == (4, 0)
    assert progress == [(step, 4) for step in range(5)]
    assert [entry["step"] for entry in log_of(config)] == [1, 2, 3, 4]
    assert all(entry["pixel"] > 0 for entry in log_of(config))
    assert read_generator(config.out / "generator.pth").scale == 2
    assert read_photo(config.out / "preview.png").pixels.shape == (128, 96, 3)
    names = {path.name for path in config.out.iterdir()}
    assert {"checkpoint-00000002.pt", "checkpoint-00000004.pt", "training.json"} <= names
    assert any("no perceptual loss: no VGG19 weights" in line for line in report.lines)


def test_run_training_goes_on_and_ends_as_if_it_had_not_stopped(config: TrainRunConfig) -> None:
    whole = replace(config, out=config.out.with_name("whole"), steps=6)
    run_training(whole)
    run_training(replace(config, steps=3))
    report = run_training(replace(config, steps=6, workers=1, save_every=1))
    assert (report.done, report.skipped) == (3, 3)
    assert log_of(config) == log_of(whole)
    weights = [torch.load(c.out / "generator.pth")["params"] for c in (config, whole)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_run_training_falls_back_one_checkpoint_when_the_last_is_cut(
    config: TrainRunConfig,
) -> None:
    run_training(config)
    expected = log_of(config)
    last = config.out / "checkpoint-00000004.pt"
    last.write_bytes(last.read_bytes()[:-1000])
    with pytest.warns(CheckpointWarning, match="checkpoint-00000004"):
        report = run_training(config)
    assert (report.done, report.skipped) == (2, 2)
    assert log_of(config) == expected


def test_run_training_refuses_to_go_on_with_other_settings(config: TrainRunConfig) -> None:
    run_training(config)
    with pytest.raises(ChangedConfigError, match=r"batch_size: 2 -> 3.*seed: 0 -> 1"):
        run_training(replace(config, batch_size=3, seed=1))


def test_run_training_needs_the_weights_before_the_pairs(config: TrainRunConfig) -> None:
    nowhere = config.pairs / "nowhere"
    with pytest.raises(DegradeError, match="no VGG19 weights"):
        run_training(replace(config, pairs=nowhere, vgg_weights=nowhere))
    with pytest.raises(DegradeError, match=r"nowhere\.pth: cannot be read"):
        run_training(replace(config, pairs=nowhere, init=nowhere.with_suffix(".pth")))
    with pytest.raises(DegradeError, match=r"pairs/nowhere: "):
        run_training(replace(config, pairs=nowhere))
    assert not config.out.exists()


def test_run_training_starts_from_given_weights(config: TrainRunConfig) -> None:
    run_training(config)
    start = config.out / "generator.pth"
    later = replace(config, out=config.out.with_name("later"), init=start, steps=0)
    report = run_training(later)
    assert report.done == 0
    weights = [torch.load(path)["params"] for path in (start, later.out / "generator.pth")]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_realsr_says_what_it_is_meant_to_start_from(
    config: TrainRunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = replace(PRESETS["realsr"].config, features=4, blocks=1, growth=2)
    monkeypatch.setitem(PRESETS, "realsr", replace(PRESETS["realsr"], config=small))
    report = run_training(replace(config, preset="realsr", steps=0))
    assert any("RRDB-PSNR" in line and "--init" in line for line in report.lines)


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_after_its_step_and_it_goes_on_bit_equal(
    config: TrainRunConfig, signum: signal.Signals
) -> None:
    command = [
        sys.executable, "-m", "pipelines.cli", "train", "--pairs", str(config.pairs), "--out",
        str(config.out), "--steps", "100000", "--batch-size", "2", "--hr-patch", "32",
        "--workers", "1",
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    log = config.out / "log.jsonl"
    while not (log.exists() and log.read_bytes().count(b"\n") > 2):
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()
        time.sleep(0.02)
    # To the whole group, workers included, as a terminal or a batch system does.
    os.killpg(process.pid, signum)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + signum, err
    assert "run the same command again" in out and "Traceback" not in err

    done = len(log_of(config))
    assert (config.out / f"checkpoint-{done:08d}.pt").exists()
    if signum == signal.SIGTERM:
        more = replace(config, steps=done + 2, workers=0)
        assert run_training(more).skipped == done
        whole = replace(more, out=config.out.with_name("whole"))
        run_training(whole)
        assert log_of(config) == log_of(whole)


def test_commands_offer_what_the_library_has() -> None:
    preset = next(option for option in train.params if option.name == "preset")
    assert isinstance(preset.type, click.Choice) and list(preset.type.choices) == list(PRESETS)
    tile = next(option for option in upscale.params if option.name == "tile")
    assert tile.default == DEFAULT_TILE
