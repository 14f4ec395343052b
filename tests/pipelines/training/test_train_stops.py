"""Runs that are killed, signalled, or spread over processes end as one that was left alone."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import esrgan.training.loop
from degrade.rng import rng_for
from esrgan.distributed import World
from esrgan.training.batches import Batch
from esrgan.training.checkpoints import read_newest_checkpoint
from esrgan.training.config import TrainingConfig
from esrgan.training.loop import training_step
from esrgan.training.state import TrainingState
from pipelines.training.train import TrainConfig, train
from tests.fork_server import start_process
from tests.pipelines.training_logs import log_of
from tests.ports import kept_port
from tests.torture.children import PATIENCE

STAGES = ("1-rrdb-psnr", "2-realsr")
STEPS = 12
FILE = f"""
stages = ["rrdb-psnr", "realsr"]
steps = {STEPS}
features = 8
blocks = 1
growth = 4
discriminator_features = 4
hr_patch = 32
batch_size = 2
accumulation = 2
ema_decay = 0.9
[realsr]
content_weight = 0
"""


@pytest.fixture
def config(tmp_path: Path, pairs_to_train_on: Path, one_thread: None) -> TrainConfig:
    (tmp_path / "recipe.toml").write_text(FILE)
    return TrainConfig(
        pairs=pairs_to_train_on,
        out=tmp_path / "model",
        config_file=tmp_path / "recipe.toml",
        save_every=4,
        keep=1,
        workers=1,
    )


def logs_of(out: Path) -> list[bytes]:
    return [
        line
        for stage in STAGES
        if (log := out / stage / "log.jsonl").exists()
        for line in log.read_bytes().splitlines()
    ]


def curves_of(out: Path) -> list[dict[str, float]]:
    return [line for stage in STAGES for line in log_of(out / stage)]


def wait_until(reached: Callable[[], bool], ended: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < deadline
        assert ended() is None, "the run ended too early"
        time.sleep(0.002)


# A step that is skipped, and a burst after which a run goes back: from step 9 to step 4.
WITHOUT_VALUE = {2, 6, 7, 8}


def train_with_bursts(
    config: TrainConfig, progress: Path, hold: Path | None = None, most: int = 0
) -> int:
    """Train; some steps of each stage get HR without a finite value. Write down each step.

    After ``most`` steps a run that is to be stopped waits until the file ``hold`` is gone.
    """

    def step(
        state: TrainingState, batch: Batch, training: TrainingConfig, *, world: World
    ) -> dict[str, float]:
        if state.step in WITHOUT_VALUE:
            batch = replace(batch, hr_BCHW=torch.full_like(batch.hr_BCHW, math.nan))
        return training_step(state, batch, training, world=world)

    esrgan.training.loop.training_step = step
    esrgan.training.loop.MAX_SKIPPED_IN_A_ROW = 3

    def note(done: int, _total: int) -> None:
        progress.write_text(f"{done}")
        while hold is not None and done >= most and hold.exists():
            time.sleep(0.002)

    return train(config, on_progress=note).exit_code


def assert_same(first: Any, second: Any) -> None:
    if isinstance(first, torch.Tensor):
        assert torch.equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for name, value in first.items():
            assert_same(value, second[name])
    else:
        assert first == second


@pytest.mark.slow
def test_a_run_stopped_at_random_steps_ends_bit_equal(config: TrainConfig) -> None:
    whole = replace(config, out=config.out.with_name("whole"), workers=0)
    progress, hold = config.out.with_name("progress"), config.out.with_name("hold")
    alone = start_process(train_with_bursts, whole, progress.with_name("whole progress"))
    chance = rng_for(int.from_bytes(os.urandom(4)), "kills")
    steps = sorted(int(step) for step in chance.integers(1, 2 * STEPS - 7, 4))
    for number, step in enumerate(steps):
        progress.write_text("-1")
        hold.touch()
        # None may reach the end, nor begin where the next is held.
        most = 2 * STEPS - 5 + number
        process = start_process(train_with_bursts, config, progress, hold, most)
        wait_until(lambda: int(progress.read_text() or -1) >= step, lambda: process.exitcode)  # noqa: B023
        # The worker that reads gets it, too, as from a terminal or a batch system.
        os.killpg(process.pid or 0, signal.SIGTERM if number % 2 else signal.SIGKILL)
        hold.unlink()
        process.join(PATIENCE)
        assert process.exitcode == (143 if number % 2 else -9), steps
    last = start_process(train_with_bursts, config, progress)
    for process in (last, alone):
        process.join(PATIENCE)
        assert process.exitcode == 0, steps
    assert curves_of(config.out) == curves_of(whole.out), steps
    for stage in STAGES:
        folders = [out / stage for out in (config.out, whole.out)]
        weights = [(folder / "generator.pth").read_bytes() for folder in folders]
        assert weights[0] == weights[1], steps
        states = [read_newest_checkpoint(folder) for folder in folders]
        assert states[0] is not None and states[0]["restored"] == 1
        assert states[0]["skipped"] == len(WITHOUT_VALUE)
        assert_same(*states)


def start(config: TrainConfig, *more: str, launcher: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        *launcher,
        "-m",
        "pipelines.cli",
        "train",
        "--pairs",
        str(config.pairs),
        "--out",
        str(config.out),
        "--config",
        str(config.config_file),
        "--workers",
        "1",
        "--device",
        "cpu",
        *more,
    ]
    return subprocess.Popen(
        command,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.slow
def test_sigterm_and_ctrl_c_save_and_exit_143_and_130(config: TrainConfig) -> None:
    done = 0
    for signum, code in ((signal.SIGTERM, 143), (signal.SIGINT, 130)):
        process = start(config, "--steps", "100000")
        wait_until(lambda: len(logs_of(config.out)) > done + 1, process.poll)  # noqa: B023
        os.killpg(process.pid, signum)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, err
        assert "run the same command again" in out and "Traceback" not in err
        assert f"rrdb-psnr: steps {done + 1} to 100000 on cpu in fp32" in err
        done = len(logs_of(config.out))
        assert (config.out / STAGES[0] / f"checkpoint-{done:08d}.pt").exists()


@pytest.mark.slow
def test_torchrun_trains_and_writes_as_one_process(config: TrainConfig) -> None:
    launcher = (
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-addr",
        "127.0.0.1",
        "--master-port",
    )
    with kept_port() as port:
        process = start(
            config, "--steps", "3", "--batch-size", "4", launcher=(*launcher, str(port))
        )
        out, err = process.communicate(timeout=2 * PATIENCE)
    assert process.returncode == 0, err
    assert out.count("weights: ") == len(STAGES), out
    alone = replace(config, out=config.out.with_name("alone"), steps=3, batch_size=4, workers=0)
    assert train(alone).exit_code == 0
    for joined, single in zip(curves_of(config.out), curves_of(alone.out), strict=True):
        for scores in (joined, single):
            if "real_score" in scores:
                scores["difference"] = scores["real_score"] - scores.pop("fake_score")
        if "real_score" in joined:
            # What both scores have in common the relativistic loss leaves open: its gradient is
            # rounding, of which Adam makes a step of about the rate, in each run to its own side.
            apart = joined.pop("real_score") - single.pop("real_score")
            assert abs(apart) <= 2 * TrainingConfig().learning_rate * joined["step"]
        # Scores near 0 are sums of parts that cancel.
        assert joined == pytest.approx(single, rel=1e-3, abs=1e-5)
