"""Training whose reading processes die, or whose machine has next to no shared memory."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture.children import wait_until
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


def readers_of(process: subprocess.Popen[str]) -> list[int]:
    return [pid for pid in processes_of(process.pid) if pid != process.pid]


@pytest.mark.slow
def test_a_killed_reader_is_replaced_and_the_weights_are_the_same(
    pairs_to_train_on: Path, tmp_path: Path
) -> None:
    weights = []
    for name, workers in (("alone", "0"), ("killed", "2")):
        out = tmp_path / name
        process = begin(command(pairs_to_train_on, out, "--steps", "60", "--workers", workers))
        if workers != "0":
            assert wait_until(lambda: steps_in(out) > 2, 60)  # noqa: B023
            os.kill(readers_of(process)[0], signal.SIGKILL)
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        weights.append((out / "generator.pth").read_bytes())
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
    _, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    longer = command(
        pairs_to_train_on, out.with_name("longer"), "--steps", "9999", "--workers", "2"
    )
    process = begin([*alone, *longer])
    assert wait_until(lambda: steps_in(out.with_name("longer")) > 2, 60)
    os.killpg(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 143 and "Traceback" not in err
    assert wait_until(lambda: not processes_of(process.pid))
