"""The benchmark of ``finetune-artifacts`` from end to end, a few steps of each training."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.artifact_tuning import main
from degrade.images.image_io import write_png
from tests.degrade.audit.scenes import make_photo


def _words(place: Path) -> list[str]:
    """Return the command on small photos, with a GAN that a step at a high rate has broken."""
    for side, number in (("train", 1), ("tune", 3), ("judge", 1)):
        for photo in range(number):
            write_png(place / side / f"{photo}.png", make_photo(f"{side} {photo}", 208))
    words = ["artifact_tuning", "--out", str(place / "out"), "--gans", "0", "--seeds", "0", "1"]
    words += [word for s in ("train", "tune", "judge") for word in (f"--{s}", str(place / s))]
    words += ["--mse-steps", "1", "--breaking-steps", "1", "--break-by", "learning_rate=1e-2"]
    return [*words, "--set", "hr_patch=96", "--set", "batch_size=1"]


def test_a_tuning_without_a_better_step_is_a_row_and_one_without_time_ends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = _words(tmp_path)

    def printed(*more: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", [*words, *more])
        main()
        return capsys.readouterr().out.splitlines()

    lines = printed("--steps", "1", "--set", "learning_rate=1e-30")
    assert any("no step was better" in line for line in lines[:-4])
    assert lines[-4].count("|") == lines[-3].count("|") == lines[-2].count("|") == 9
    assert lines[-2:] == [f"| 0, {seed} | no step was better |" + " |" * 6 for seed in (0, 1)]
    lines = printed("--steps", "5000", "--name", "other", "--minutes", "1e-9")
    assert sum("stopped at step" in line for line in lines) == 1
    assert not any(line.startswith("|") for line in lines)
