"""Training on photos that are degraded on the fly, from the command line to a killed run."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from degrade.errors import ChangedConfigError, DegradeError, InvalidValueError
from pipelines.cli import main
from pipelines.training.train import TrainConfig, train
from tests.fork_server import start_process
from tests.pipelines.training_logs import log_of
from tests.torture.children import PATIENCE


@pytest.fixture
def config(tmp_path: Path, scenes: Path, pool: Path, one_thread: None) -> TrainConfig:
    return TrainConfig(
        hr=(scenes,),
        pool=pool,
        scale=2,
        out=tmp_path / "model",
        steps=6,
        batch_size=2,
        hr_patch=32,
        save_every=2,
    )


def train_noting(config: TrainConfig, progress: Path) -> int:
    return train(config, on_progress=lambda done, _: progress.write_text(f"{done}")).exit_code


@pytest.mark.slow
def test_train_goes_on_bit_equal_after_a_kill_whatever_the_workers(config: TrainConfig) -> None:
    whole = replace(config, out=config.out.with_name("whole"))
    train(whole)
    progress = config.out.with_name("progress")
    for step, workers in ((1, 1), (3, 2)):
        progress.write_text("-1")
        process = start_process(
            train_noting, replace(config, workers=workers, steps=99999), progress
        )
        deadline = time.monotonic() + PATIENCE
        while int(progress.read_text() or -1) < step:
            assert time.monotonic() < deadline and process.exitcode is None
            time.sleep(0.002)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join(PATIENCE)
    # It may have gone further than 6 steps by now: so has the one that was never killed.
    done = max(len(log_of(config.out)), 6)
    train(replace(whole, steps=done))
    assert train(replace(config, steps=done, workers=1)).exit_code == 0
    assert log_of(config.out) == log_of(whole.out)
    assert (config.out / "generator.pth").read_bytes() == (whole.out / "generator.pth").read_bytes()


def test_train_refuses_to_go_on_with_other_photos(config: TrainConfig, scenes: Path) -> None:
    train(replace(config, steps=2))
    (scenes / "scene 0.png").unlink()
    with pytest.raises(ChangedConfigError, match="content of the pairs or photos"):
        train(config)


def test_trainings_share_a_cache(config: TrainConfig, tmp_path: Path) -> None:
    first, second = (
        replace(config, out=tmp_path / name, cache=tmp_path / "cache", steps=2) for name in "ab"
    )
    seen: list[tuple[int, int]] = []
    train(first)
    train(second, on_decode=lambda *both: seen.append(both))
    assert seen == [(7, 7)]
    assert not (first.out / ".photos").exists()
    assert log_of(first.out) == log_of(second.out)


def test_the_command_trains_on_photos_and_names_bad_and_small_ones(
    config: TrainConfig, scenes: Path
) -> None:
    (scenes / "bad.png").write_bytes(b"no photo")
    (scenes / "copy.png").write_bytes((scenes / "scene 0.png").read_bytes())
    arguments = ["train", "--hr", f"{scenes}", "--pool", f"{config.pool}", "--scale", "2"]
    arguments += ["--out", f"{config.out}", "--steps", "2", "--batch-size", "2"]
    arguments += ["--hr-patch", "136", "--device", "cpu"]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 3, result.output
    assert "bad.png: not an image in a known format" in result.output
    assert "smaller than an HR patch; use a smaller --hr-patch" in result.output
    assert "7 photos decoded in" in result.output
    assert "with the very content of another, and passed over: 1 file" in result.output


@pytest.mark.parametrize("there", [False, True], ids=["new", "there"])
def test_no_usable_photo_leaves_nothing(config: TrainConfig, tmp_path: Path, there: bool) -> None:
    (tmp_path / "bad.png").write_bytes(b"no photo")
    if there:
        config.out.mkdir()
    with pytest.raises(DegradeError, match="no photo can be used"):
        train(replace(config, hr=(tmp_path / "bad.png",)))
    assert config.out.exists() == there
    assert not there or not list(config.out.iterdir())


def test_the_command_wants_pairs_or_photos_with_a_pool(config: TrainConfig) -> None:
    for arguments, words in (
        (["--hr", "a", "--pairs", "b", "--pool", "c"], "both --pairs and --hr are given"),
        (["--hr", "a"], "give one, --pool"),
        (["--pairs", "b", "--cache", "c"], "only photos (--hr) are decoded into a --cache"),
        (["--pairs", "b", "--scale", "2"], "--scale can only be given with --hr"),
        ([], "train needs --pairs, or --hr with --pool"),
    ):
        result = CliRunner().invoke(main, ["train", *arguments])
        assert result.exit_code != 0 and words in result.output, result.output


def test_train_on_photos_needs_a_pool_with_what_the_recipe_draws(
    config: TrainConfig, tmp_path: Path
) -> None:
    with pytest.raises(DegradeError, match="cannot give blur at ×3: the pool has no kernel"):
        train(replace(config, scale=3, hr_patch=33))
    assert not config.out.exists()
    with pytest.raises(InvalidValueError, match=r"scale must be a number from 1\.5"):
        replace(config, scale=1)
