"""Runs that are killed, signalled, or spread over processes end as one that was left alone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from degrade.rng import rng_for
from pipelines import BuildPairsConfig, build_pairs
from pipelines.training import TrainRunConfig, run_training

STAGES = ("1-rrdb-psnr", "2-realsr")
FILE = """
stages = ["rrdb-psnr", "realsr"]
steps = 14
features = 8
blocks = 1
growth = 4
discriminator_features = 4
hr_patch = 32
batch_size = 4
accumulation = 2
ema_decay = 0.9
[realsr]
content_weight = 0
"""


@pytest.fixture
def config(tmp_path: Path, scenes: Path, pool: Path) -> TrainRunConfig:
    build_pairs(
        BuildPairsConfig(
            pool=pool, out=tmp_path / "pairs", hr=(scenes,), scale=2, hr_size=64, noise="defer"
        )
    )
    (tmp_path / "recipe.toml").write_text(FILE)
    return TrainRunConfig(
        pairs=tmp_path / "pairs", out=tmp_path / "model", config_file=tmp_path / "recipe.toml",
        save_every=3,
    )  # fmt: skip


def start(config: TrainRunConfig, *more: str, **environment: str) -> subprocess.Popen[str]:
    command = [
        sys.executable, "-m", "pipelines.cli", "train", "--pairs", str(config.pairs), "--out",
        str(config.out), "--config", str(config.config_file), "--save-every", "3", *more,
    ]  # fmt: skip
    return subprocess.Popen(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"} | environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def logs_of(out: Path) -> list[bytes]:
    return [
        line
        for stage in STAGES
        if (log := out / stage / "log.jsonl").exists()
        for line in log.read_bytes().splitlines()
    ]


def wait_for_steps(process: subprocess.Popen[str], out: Path, steps: int) -> None:
    deadline = time.monotonic() + 120
    while len(logs_of(out)) < steps:
        assert time.monotonic() < deadline
        if process.poll() is not None:
            pytest.fail(f"ended too early: {process.communicate()}")
        time.sleep(0.005)


@pytest.mark.slow
def test_a_run_killed_and_signalled_at_random_steps_ends_bit_equal(config: TrainRunConfig) -> None:
    chance = rng_for(int.from_bytes(os.urandom(4)), "kills")
    seconds, first = (int(step) for step in (chance.integers(15, 24), chance.integers(1, 12)))
    for step, signum in ((first, signal.SIGKILL), (seconds, signal.SIGTERM)):
        # Two workers: they get the signal, too, as from a terminal or a batch system.
        process = start(config, "--workers", "1")
        wait_for_steps(process, config.out, step)
        os.killpg(process.pid, signum)
        out, err = process.communicate(timeout=60)
        if signum == signal.SIGTERM:
            assert process.returncode == 143, err
            assert "run the same command again" in out and "Traceback" not in err
            done = len(logs_of(config.out)) - 14
            assert (config.out / STAGES[1] / f"checkpoint-{done:08d}.pt").exists()
    run_training(config)
    whole = config.out.with_name("whole")
    run_training(TrainRunConfig(
        pairs=config.pairs, out=whole, config_file=config.config_file, save_every=100
    ))  # fmt: skip
    assert logs_of(config.out) == logs_of(whole), (first, seconds)
    for stage in STAGES:
        weights = [out / stage / "generator.pth" for out in (config.out, whole)]
        assert weights[0].read_bytes() == weights[1].read_bytes(), (first, seconds)


@pytest.mark.slow
def test_ctrl_c_saves_and_exits_130(config: TrainRunConfig) -> None:
    process = start(config, "--steps", "100000")
    wait_for_steps(process, config.out, 2)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "run the same command again" in out and "Traceback" not in err
    done = len(logs_of(config.out))
    assert (config.out / STAGES[0] / f"checkpoint-{done:08d}.pt").exists()


@pytest.mark.slow
def test_two_processes_train_and_write_as_one(config: TrainRunConfig) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    processes = [
        start(
            config, "--steps", "3", RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2",
            MASTER_ADDR="127.0.0.1", MASTER_PORT=port,
        )
        for rank in range(2)
    ]  # fmt: skip
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert "weights: " in outputs[0][0] and outputs[1][0] == ""
    alone = config.out.with_name("alone")
    run_training(TrainRunConfig(
        pairs=config.pairs, out=alone, config_file=config.config_file, steps=3
    ))  # fmt: skip
    numbers = [
        [float(word) for line in logs_of(out) for word in line.decode().replace("}", "")
         .replace(",", " ").split() if word[0].isdigit()]
        for out in (config.out, alone)
    ]  # fmt: skip
    np.testing.assert_allclose(numbers[0], numbers[1], rtol=1e-3)
