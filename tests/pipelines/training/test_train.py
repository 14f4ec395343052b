"""Runs stop, go on and end as promised; the arithmetic is tested beside the code that has it."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from degrade.errors import ChangedConfigError, InputError
from degrade.images.image_io import read_photo
from esrgan.training.checkpoints import CheckpointWarning
from esrgan.training.presets import PRESETS
from esrgan.weights.files import read_network
from pipelines.cli import main
from pipelines.training.record import results_of
from pipelines.training.train import TrainConfig
from pipelines.training.train import train as run_training
from tests.pipelines.training_logs import log_of


def test_run_training_leaves_weights_checkpoints_a_log_and_a_picture(
    small_run: TrainConfig,
) -> None:
    progress: list[tuple[int, int]] = []
    report = run_training(small_run, on_progress=lambda *step: progress.append(step))
    assert (report.done, report.exit_code) == (4, 0)
    assert progress == [(step, 4) for step in range(5)]
    assert [entry["step"] for entry in log_of(small_run.out)] == [1, 2, 3, 4]
    assert all(entry["pixel"] > 0 for entry in log_of(small_run.out))
    assert read_network(small_run.out / "generator.pth").scale == 2
    assert read_photo(small_run.out / "preview.png").pixels.shape == (4 * 146, 4 * 128, 3)
    names = {path.name for path in small_run.out.iterdir()}
    assert {"checkpoint-00000002.pt", "checkpoint-00000004.pt", "training.json"} <= names
    told = "losses: 1 × pixel (l1); not yet 0.001 × adversarial (relativistic): from step 151 on"
    assert told in report.lines


def test_watching_changes_no_bit_and_logs_what_happens(small_run: TrainConfig) -> None:
    pytest.importorskip("tensorboard")
    small_run = replace(small_run, settings=(*small_run.settings, "pixel_steps=1"))
    watched = replace(small_run, out=small_run.out.with_name("watched"), tensorboard=True)
    for config in (small_run, watched):
        run_training(config)
    weights = [torch.load(c.out / "generator.pth")["params"] for c in (small_run, watched)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert log_of(small_run.out) == log_of(watched.out)
    *_, last = map(json.loads, (small_run.out / "log.jsonl").read_text().splitlines())
    assert last["learning_rate"] > 0 and last["steps_a_second"] > 0 and 0 <= last["waiting"] <= 1
    assert last["generator_gradient"] > 0 and last["discriminator_gradient"] > 0
    assert {"real_score", "fake_score"} <= last.keys()


def test_run_training_goes_on_and_ends_as_if_it_had_not_stopped(small_run: TrainConfig) -> None:
    whole = replace(small_run, out=small_run.out.with_name("whole"), steps=6)
    run_training(whole)
    run_training(replace(small_run, steps=3))
    report = run_training(replace(small_run, steps=6, workers=1, save_every=1))
    assert (report.done, report.skipped) == (3, 3)
    assert log_of(small_run.out) == log_of(whole.out)
    weights = [torch.load(c.out / "generator.pth")["params"] for c in (small_run, whole)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_run_training_falls_back_one_checkpoint_when_the_last_is_cut(
    small_run: TrainConfig,
) -> None:
    run_training(small_run)
    expected = log_of(small_run.out)
    last = small_run.out / "checkpoint-00000004.pt"
    last.write_bytes(last.read_bytes()[:-1000])
    with pytest.warns(CheckpointWarning, match="checkpoint-00000004"):
        report = run_training(small_run)
    assert (report.done, report.skipped) == (2, 2)
    assert log_of(small_run.out) == expected


def test_the_command_says_what_it_begins_and_warns_in_a_line(small_run: TrainConfig) -> None:
    run_training(small_run)
    last = small_run.out / "checkpoint-00000004.pt"
    last.write_bytes(last.read_bytes()[:-1000])
    result = CliRunner().invoke(
        main,
        [
            "train",
            "--pairs",
            str(small_run.pairs),
            "--out",
            str(small_run.out),
            "--steps",
            "4",
            "--batch-size",
            "2",
            "--hr-patch",
            "32",
            "--device",
            "cpu",
        ],
    )
    assert result.exit_code == 0
    warning, begun, *_ = result.stderr.splitlines()
    assert warning.startswith(f"degrade: {last}: ") and warning.endswith("; passed over")
    assert begun == "tiny: steps 3 to 4 on cpu in fp32; RRDBNet ×2 of 401,347 weights"
    assert "train: 2 steps, 2 already there" in result.stdout


def test_run_training_falls_back_one_checkpoint_when_a_stamp_is_nested_too_deep(
    small_run: TrainConfig,
) -> None:
    run_training(small_run)
    expected = log_of(small_run.out)
    (small_run.out / "checkpoint-00000004.json").write_bytes(b"[" * 100_000)
    with pytest.warns(CheckpointWarning, match=r"00000004\.pt: .*json is missing or damaged"):
        report = run_training(small_run)
    assert (report.done, report.skipped) == (2, 2)
    assert log_of(small_run.out) == expected


def test_run_training_refuses_to_go_on_with_other_settings(small_run: TrainConfig) -> None:
    run_training(small_run)
    with pytest.raises(ChangedConfigError, match=r"`batch_size`: 2 -> 3.*`seed`: 0 -> 1"):
        run_training(replace(small_run, batch_size=3, seed=1))


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_trains_on_real_pairs(small_run: TrainConfig, preset: str) -> None:
    few = ("features=12", "blocks=1", "growth=4", "discriminator_features=4", "pixel_steps=0")
    report = run_training(
        replace(small_run, preset=preset, features="gabor", settings=few, steps=20, save_every=20)
    )
    stages = replace(small_run, preset=preset).plan()
    assert (report.done, report.exit_code) == (20 * len(stages), 0)
    for number, stage in enumerate(stages, 1):
        folder = small_run.out if len(stages) == 1 else small_run.out / f"{number}-{stage.name}"
        entries = log_of(folder)
        used = {name for name, weight in stage.config.loss_weights.items() if weight}
        assert all(used <= entry.keys() for entry in entries) and len(entries) == 20
        assert read_network(folder / "generator.pth").scale == 2


def test_losses_are_reported_as_they_are_logged(small_run: TrainConfig) -> None:
    seen: list[dict[str, float]] = []
    run_training(small_run, on_losses=lambda losses: seen.append(dict(losses)))
    logged = log_of(small_run.out)
    assert [line["step"] for line in logged] == list(range(1, len(seen) + 1))
    for line, losses in zip(logged, seen, strict=True):
        assert losses.items() <= line.items()


def test_a_training_of_a_version_without_a_loss_goes_on(small_run: TrainConfig) -> None:
    run_training(replace(small_run, steps=3))
    record = small_run.out / "training.json"
    then = json.loads(record.read_text())
    assert then.pop("artifact_weight") == 0
    results_of(small_run.out).write(record, json.dumps(then).encode())
    assert run_training(small_run).done == 1
    with pytest.raises(ChangedConfigError, match="artifact_weight"):
        run_training(replace(small_run, settings=(*small_run.settings, "artifact_weight=1")))


def test_show_config_needs_nothing_and_prints_toml(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["train", "--show-config", "--set", "steps=5"])
    assert result.exit_code == 0
    assert tomllib.loads(result.output)["tiny"]["steps"] == 5
    result = CliRunner().invoke(main, ["train"])
    assert result.exit_code == 2 and "--pairs" in result.output


def test_commands_offer_what_the_library_has() -> None:
    shown = CliRunner().invoke(main, ["train", "--help"], terminal_width=200).output
    assert f"--preset [{'|'.join(PRESETS)}]" in shown
    refused = CliRunner().invoke(main, ["train", "--pairs", "p", "--preset", "huge"])
    assert refused.exit_code == 2 and "--preset must be one of tiny" in refused.output


def test_run_training_names_weights_to_start_from_that_are_not_there(
    small_run: TrainConfig, tmp_path: Path
) -> None:
    wanted = replace(small_run, preset="realsr", init=tmp_path / "nowhere.pth")
    with pytest.raises(InputError, match=r"nowhere\.pth: the weights to start from, `init`"):
        run_training(wanted)
    assert not small_run.out.exists()
