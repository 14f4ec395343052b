"""``degrade finetune-artifacts`` as its users run it, with micro networks."""

from __future__ import annotations

import csv
import json
import os
import signal
from pathlib import Path

import pytest

from degrade.artifacts import DetectionSettings, detect_artifacts
from degrade.disk.journal import Journal
from degrade.errors import ChangedConfigError
from degrade.images.image_io import read_photo
from esrgan.upscaling.upscaler import upscale
from esrgan.weights.files import read_network
from esrgan.weights.identification import NetworkSpec
from pipelines.artifacts.finetune import FinetuneConfig, finetune_artifacts
from pipelines.cli.artifact_commands import finetune_artifacts as finetune_command
from pipelines.training.record import results_of
from tests.pipelines.artifacts.detecting import run
from tests.pipelines.artifacts.tuning_runs import (
    RATE,
    TUNING,
    as_words,
    changed,
    command,
    config,
    write_network,
)


def test_finetune_artifacts_leaves_less_of_them_on_photos_held_out(begun: Path) -> None:
    words = (*command(begun), *TUNING, *RATE, "--tolerance", 0.7)
    found = run("--report", begun / "report.json", *words)
    assert found.exit_code == 0, found.output
    rows = list(csv.DictReader((begun / "out" / "finetune.csv").open()))
    assert [row["image"] for row in rows][-1] == "all" and len(rows) == 2
    facts = json.loads((begun / "report.json").read_text())["facts"]
    total = [fact for fact in facts if fact["kind"] == "photo"][-1]
    assert total["image"] == "all held out"
    assert float(rows[-1]["gone"]) == pytest.approx(total["gone"], abs=1e-5)
    assert total["gone"] > 0.3 and abs(total["texture"] - 1) <= 0.7
    # What the table says is so of the weights that were written, by the detection's own words.
    held_out = read_photo(begun / "lr" / rows[0]["image"]).as_u8()
    mse, gan, tuned = (
        upscale(held_out, read_network(begun / name))
        for name in ("mse.pth", "gan.pth", "out/generator.pth")
    )
    settings = DetectionSettings(min_area=40)
    before, after = (
        detect_artifacts(mse, image, settings=settings).flagged.mean() for image in (gan, tuned)
    )
    assert before == pytest.approx(float(rows[0]["flagged_before"]), abs=1e-5) and before > 0.01
    assert after == pytest.approx(float(rows[0]["flagged_after"]), abs=1e-5)
    picture = read_photo(begun / "out" / "before_after.png").pixels
    assert picture.shape[0] > 100 and picture.shape[1] > 300
    # Again: everything is there, and says the same.
    again = run("--report", begun / "again.json", *words)
    assert again.exit_code == 0, again.output
    then = json.loads((begun / "again.json").read_text())
    assert then["done"] == 0
    assert [fact for fact in then["facts"] if fact["kind"] == "photo"][-1] == total


def test_finetune_artifacts_goes_on_as_if_it_had_not_been_stopped(begun: Path) -> None:
    whole = finetune_artifacts(config(begun, "whole"))
    assert whole.done == 6
    first = finetune_artifacts(
        FinetuneConfig(**{**as_words(config(begun, "parts")), "max_minutes": 1e-9})
    )
    assert first.done == 1 and any("run it again" in line for line in first.lines)
    assert not (begun / "parts" / "finetune.csv").exists()
    last = finetune_artifacts(config(begun, "parts"))
    assert (last.done, last.skipped) == (5, 1)
    for name in ("training/best.pth", "training/generator.pth", "finetune.csv"):
        assert (begun / "whole" / name).read_bytes() == (begun / "parts" / name).read_bytes(), name
    scores = [
        list(Journal(begun / out / "training" / "validation.jsonl").read())
        for out in ("whole", "parts")
    ]
    assert scores[0] == scores[1] and [each["step"] for each in scores[0]] == [2, 4, 6]


def test_finetune_artifacts_stops_at_the_last_step_when_asked_to(begun: Path) -> None:
    steps: list[object] = []

    def stop(losses: object) -> None:
        steps.append(losses)
        if len(steps) == 6:
            os.kill(os.getpid(), signal.SIGTERM)

    first = finetune_artifacts(config(begun), on_losses=stop)
    assert (first.done, first.interrupted) == (6, signal.SIGTERM)
    assert not (begun / "out" / "finetune.csv").exists()
    assert finetune_artifacts(config(begun)).skipped == 6
    assert (begun / "out" / "finetune.csv").exists()


def test_finetune_artifacts_refuses_other_settings_on_the_way(begun: Path) -> None:
    finetune_artifacts(config(begun))
    found = run(*command(begun), *TUNING, *RATE, "--seed", 1)
    assert found.exit_code == 1 and "other settings" in found.output.replace("\n", " ")


def test_finetune_artifacts_refuses_to_go_on_with_what_an_earlier_version_began(
    begun: Path,
) -> None:
    """Its loss was L1 alone, and it had no setting for what the others are."""
    earlier = ("energy_weight=0", "artifact_weight=0", "pixel_loss=l1", "clipped_hr=false")
    settings = (*config(begun).settings, "milestones=[]", "gamma=0.5")
    changed(begun, steps=2, settings=(*settings, *earlier))()
    record = begun / "out" / "training" / "training.json"
    kept = json.loads(record.read_text())
    assert kept["pixel_weight"] == 1 and kept["clipped_hr"] is False
    plain = {name: kept[name] for name in kept if name not in ("energy_weight", "clipped_hr")}
    results_of(record.parent).write(record, json.dumps(plain).encode())
    assert changed(begun, steps=3, settings=(*settings, *earlier))().done == 1
    with pytest.raises(ChangedConfigError) as caught:
        changed(begun, steps=3)()
    for name in ("energy_weight", "artifact_weight", "pixel_loss", "clipped_hr", "milestones"):
        assert f"`{name}`" in str(caught.value)


def test_finetune_artifacts_says_when_there_is_nothing_to_do(begun: Path) -> None:
    (begun / "gan.pth").write_bytes((begun / "mse.pth").read_bytes())
    found = run(*command(begun), *TUNING, *RATE)
    assert found.exit_code == 0 and "nothing is flagged in 4 photos" in found.output
    assert not (begun / "out" / "generator.pth").exists()


def test_finetune_artifacts_names_networks_that_do_not_fit(begun: Path) -> None:
    write_network(begun / "mse.pth", sharpening=0, scale=4)
    found = run(*command(begun), *TUNING)
    assert found.exit_code == 1 and "mse.pth: enlarges ×4" in found.output
    (begun / "mse.pth").unlink()
    found = run(*command(begun), *TUNING)
    assert found.exit_code == 1 and "mse.pth" in found.output
    found = run("finetune-artifacts", begun / "absent", *command(begun)[2:], *TUNING)
    assert found.exit_code == 1


def test_finetune_artifacts_replaces_nobodys_files(begun: Path) -> None:
    mine = begun / "out" / "generator.pth"
    mine.parent.mkdir()
    mine.write_bytes(b"mine")
    found = run(*command(begun), *TUNING)
    assert found.exit_code == 1 and mine.read_bytes() == b"mine"
    assert "generator.pth is there" in found.output


def test_an_unknown_setting_is_named(begun: Path) -> None:
    found = run(*command(begun), *TUNING, "--set", "learning_rat=1")
    assert found.exit_code == 1 and "did you mean 'learning_rate'" in found.output


def test_a_crop_too_small_for_the_losses_is_told_before_anything_is_done(begun: Path) -> None:
    found = run(*command(begun), "--set", "hr_patch=12")
    assert found.exit_code == 1
    assert "hr_patch must be at least 13 for the energy loss, got 12" in found.output
    assert not (begun / "out").exists()


def test_the_help_of_steps_says_what_is_done_without_it() -> None:
    options = {option.name: option for option in finetune_command.params}
    paths = {name: Path(name) for name in ("mse", "gan", "out")}
    spec = NetworkSpec(architecture="rrdbnet", arguments={"scale": 4})
    training = FinetuneConfig(sources=(Path("lr"),), **paths).training(spec)
    assert f"[default: {training.steps}]" in getattr(options["steps"], "help", "")
    # A rate that falls after the end would never do so.
    assert training.milestones[-1] < training.steps
