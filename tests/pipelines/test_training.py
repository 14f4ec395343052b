"""Runs stop, go on and end as promised; the arithmetic is tested beside the code that has it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest
import torch
from click.testing import CliRunner

from degrade.errors import ChangedConfigError, DegradeError
from degrade.image_io import read_photo
from esrgan.checkpoints import CheckpointWarning, read_generator, read_newest_checkpoint
from esrgan.presets import PRESETS
from esrgan.upscaling import DEFAULT_TILE
from esrgan.weight_files import read_network
from pipelines import BuildPairsConfig, build_pairs
from pipelines.cli import main
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
    assert "losses: 1 × pixel (l1), 0.001 × adversarial (relativistic)" in report.lines


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
        run_training(replace(config, stages=("realsr",), pairs=nowhere, vgg_weights=nowhere))
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


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "tiny"])
def test_every_preset_trains_on_real_pairs(config: TrainRunConfig, preset: str) -> None:
    few = ("features=8", "blocks=1", "growth=4", "discriminator_features=4")
    report = run_training(
        replace(config, preset=preset, features="gabor", settings=few, steps=20, save_every=20)
    )
    stages = replace(config, preset=preset).plan()
    assert (report.done, report.exit_code) == (20 * len(stages), 0)
    for number, stage in enumerate(stages, 1):
        folder = config.out if len(stages) == 1 else config.out / f"{number}-{stage.name}"
        entries = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
        used = {name for name, weight in stage.config.loss_weights.items() if weight}
        assert all(used <= entry.keys() for entry in entries) and len(entries) == 20
        assert read_network(folder / "generator.pth").scale == 2


def test_presets_that_look_through_vgg19_say_what_to_do_without(config: TrainRunConfig) -> None:
    nowhere = config.pairs / "nowhere"
    realsr = replace(config, preset="realsr", pairs=nowhere, vgg_weights=nowhere)
    with pytest.raises(DegradeError, match=r"--set content_weight=0 .*--features gabor"):
        run_training(realsr)
    for way in ({"settings": ("content_weight=0",)}, {"features": "gabor"}):
        with pytest.raises(DegradeError, match="pairs/nowhere: "):
            run_training(replace(realsr, **way))  # type: ignore[arg-type]


def test_a_stage_goes_on_from_the_weights_of_the_last(config: TrainRunConfig) -> None:
    sizes = ("features=8", "blocks=1", "growth=4", "discriminator_features=4", "content_weight=0")
    chain = replace(config, preset="realsr", settings=sizes)
    run_training(chain)
    first = config.out / "1-rrdb-psnr" / "generator.pth"
    single = replace(
        config, out=config.out.with_name("single"), stages=("realsr",), settings=sizes, init=first
    )
    run_training(single)
    results = [config.out / "2-realsr" / "generator.pth", single.out / "generator.pth"]
    assert results[0].read_bytes() == results[1].read_bytes()
    # Again: everything is there.
    report = run_training(chain)
    assert (report.done, report.skipped) == (0, 8)
    with pytest.raises(ChangedConfigError, match="stages"):
        run_training(replace(chain, preset="esrgan"))
    with pytest.raises(ChangedConfigError, match="stages"):
        run_training(replace(chain, preset="tiny", settings=()))


def test_validation_keeps_the_best(config: TrainRunConfig, scenes: Path, pool: Path) -> None:
    held_out = config.out.with_name("held out")
    photo = scenes / "scene 0.png"
    build_pairs(BuildPairsConfig(pool=pool, out=held_out, hr=(photo,), scale=2, hr_size=64))
    watched = replace(
        config, validation=held_out, steps=5, save_every=1, keep=1, keep_best=2,
        settings=("learning_rate=1e-2", "pixel_steps=0", "features=12", "blocks=1", "growth=4"),
    )  # fmt: skip
    report = run_training(watched)
    entries = [
        json.loads(line) for line in (config.out / "validation.jsonl").read_text().splitlines()
    ]
    assert [entry["step"] for entry in entries] == list(range(1, 6))
    best = sorted(entries, key=lambda e: (e["psnr"], e["step"]), reverse=True)[:2]
    kept = {int(path.stem[-8:]) for path in config.out.glob("checkpoint-*.pt")}
    assert kept == {5} | {entry["step"] for entry in best}
    assert any("PSNR" in line and "without 2 border pixels" in line for line in report.lines)
    newest = read_newest_checkpoint(config.out)
    assert newest is not None and newest["step"] == 5
    weights = torch.load(config.out / "best.pth")["params"]
    state = torch.load(config.out / f"checkpoint-{best[0]['step']:08d}.pt")
    assert all(torch.equal(weights[name], state["generator"][name]) for name in weights)


def test_the_average_is_what_is_written(config: TrainRunConfig) -> None:
    run_training(replace(config, settings=("ema_decay=0.9",)))
    newest = read_newest_checkpoint(config.out)
    assert newest is not None
    weights = torch.load(config.out / "generator.pth")["params"]
    assert all(torch.equal(weights[name], newest["average"][name]) for name in weights)
    assert not all(torch.equal(weights[name], newest["generator"][name]) for name in weights)


def test_max_minutes_ends_a_run_that_can_be_gone_on_with(config: TrainRunConfig) -> None:
    report = run_training(replace(config, max_minutes=1e-9, steps=100))
    assert (report.done, report.exit_code, report.interrupted) == (1, 0, None)
    assert any("--max-minutes" in line and "step 1 of 100" in line for line in report.lines)
    assert run_training(replace(config, steps=3)).skipped == 1


def test_the_cycle_loss_finds_the_kernels(config: TrainRunConfig) -> None:
    run_training(replace(config, settings=("cycle_weight=0.1", "pixel_steps=0")))
    assert all(entry["cycle"] > 0 for entry in log_of(config))


def test_tensorboard_gets_events(config: TrainRunConfig) -> None:
    pytest.importorskip("tensorboard")
    run_training(replace(config, tensorboard=True))
    assert list((config.out / "tensorboard").glob("events.*"))


def test_losses_are_reported_as_they_are_logged(config: TrainRunConfig) -> None:
    seen: list[dict[str, float]] = []
    run_training(config, on_losses=lambda losses: seen.append(dict(losses)))
    assert [{"step": step, **losses} for step, losses in enumerate(seen, 1)] == log_of(config)


def test_show_config_needs_nothing_and_prints_toml(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["train", "--show-config", "--set", "steps=5"])
    assert result.exit_code == 0
    assert tomllib.loads(result.output)["tiny"]["steps"] == 5
    result = CliRunner().invoke(main, ["train"])
    assert result.exit_code == 2 and "--pairs" in result.output


def test_commands_offer_what_the_library_has() -> None:
    preset = next(option for option in train.params if option.name == "preset")
    assert isinstance(preset.type, click.Choice) and list(preset.type.choices) == list(PRESETS)
    tile = next(option for option in upscale.params if option.name == "tile")
    assert tile.default == DEFAULT_TILE
