"""Training whose reading processes die, or whose machine has next to no shared memory."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.training.train import TrainConfig, train
from tests.fork_server import start_process
from tests.torture.children import PATIENCE, wait_until
from tests.torture.signals import processes_of

ROOT = Path(__file__).parents[3]


def command(pairs: Path, out: Path, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "pipelines.cli", "train", "--pairs", str(pairs)),
        *("--out", str(out), "--hr-patch", "32", "--batch-size", "2", "--device", "cpu", *more),
    ]


def begin(arguments: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        arguments,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def steps_in(out: Path) -> int:
    log = out / "log.jsonl"
    return len(log.read_bytes().splitlines()) if log.exists() else 0


def train_and_kill_a_reader(config: TrainConfig) -> int:
    """Train; after the third step one of the two processes that read ahead is killed."""
    killed: list[int] = []

    def kill(done: int, _total: int) -> None:
        if done >= 3 and not killed:
            first, _ = multiprocessing.active_children()
            killed.append(first.pid or 0)
            os.kill(killed[0], signal.SIGKILL)

    report = train(config, on_progress=kill)
    return report.exit_code or not killed


@pytest.mark.slow
def test_a_killed_reader_is_replaced_and_the_weights_are_the_same(small_run: TrainConfig) -> None:
    alone = replace(small_run, steps=20, out=small_run.out.with_name("alone"), workers=0)
    killed = replace(alone, out=small_run.out.with_name("killed"), workers=2)
    assert train(alone).exit_code == 0
    process = start_process(train_and_kill_a_reader, killed)
    process.join(PATIENCE)
    assert process.exitcode == 0
    weights = [(config.out / "generator.pth").read_bytes() for config in (alone, killed)]
    assert weights[0] == weights[1]


@pytest.mark.slow
def test_training_needs_no_shared_memory(pairs_to_train_on: Path, tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed")
    mount = "mount -t tmpfs -o size=64k none /dev/shm"
    alone = ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a private /dev/shm is not allowed here")
    out = tmp_path / "out"
    process = begin([*alone, *command(pairs_to_train_on, out, "--steps", "5", "--workers", "2")])
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    longer = command(
        pairs_to_train_on, out.with_name("longer"), "--steps", "99999", "--workers", "2"
    )
    process = begin([*alone, *longer])
    assert wait_until(lambda: steps_in(out.with_name("longer")) > 2)
    os.killpg(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 143 and "Traceback" not in err
    assert wait_until(lambda: not processes_of(process.pid))
