"""What only local worker processes can go through."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from degrade.errors import DegradeError, InvalidValueError
from degrade.noise import NoiseSelection
from pipelines import (
    BuildPairsConfig,
    ExtractNoiseConfig,
    build_pairs,
    extract_noise,
)
from pipelines.executors import ProcessExecutor, WorkerDiedError
from tests.pipelines.executors.tasks import (
    SpyingExecutor,
    die_while_sending,
    exit_process,
    sleep_a_little,
    square,
)
from tests.torture.children import wait_until

ROOT = Path(__file__).parents[3]

WORK_FOR_EVER = """
import sys
from pathlib import Path
from pipelines.executors import ProcessExecutor
from tests.pipelines.executors.tasks import sleep_in
list(ProcessExecutor(2).run(sleep_in, [Path(sys.argv[1])] * 2))
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_their_parent(tmp_path: Path, end: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", WORK_FOR_EVER, tmp_path],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    assert wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
    parent.send_signal(end)
    # The tasks sleep for longer: a parent that waits for them has not ended.
    parent.wait(120)
    workers = [Path("/proc") / entry.name / "exe" for entry in tmp_path.iterdir()]
    # A zombie has no program any more; whose child it is now decides when it vanishes.
    assert wait_until(lambda: not any(worker.exists() for worker in workers))


def test_run_survives_workers_that_are_killed_from_outside() -> None:
    seen: set[int] = set()
    killed: list[int] = []
    results = []
    for result in ProcessExecutor(2).run(sleep_a_little, [0.01] * 60):
        results.append(result)
        seen.add(result.get())
        # A result may arrive after the worker that sent it was killed.
        alive = seen.difference(killed)
        if alive and len(killed) < 3 and len(results) >= (5, 20, 21)[len(killed)]:
            killed.append(max(alive))
            os.kill(killed[-1], signal.SIGKILL)
    assert len(killed) == 3 and sorted(result.index for result in results) == list(range(60))


@pytest.mark.parametrize("milliseconds", [30, 150])
def test_run_does_not_wait_for_the_rest_of_a_result(milliseconds: int) -> None:
    results = {r.index: r for r in ProcessExecutor(1).run(die_while_sending, [milliseconds, 0])}
    assert results[1].get() == b""
    assert results[0].error is None or isinstance(results[0].error, WorkerDiedError)


def test_run_tells_how_a_worker_ended() -> None:
    (result,) = ProcessExecutor(2).run(exit_process, [1])
    assert str(result.error) == "its worker process ended with exit code 3"


def test_run_ends_when_no_worker_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.executors.processes._WORKER_MODULE", "no.such.module")
    with pytest.raises(DegradeError, match="ended with exit code 1 before its first task"):
        list(ProcessExecutor(2).run(square, [1, 2, 3]))


def test_run_leaves_no_process_behind() -> None:
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    before = set(children.read_text().split())
    list(ProcessExecutor(2).run(square, [1, 2, 3]))
    next(iter(ProcessExecutor(2).run(square, [1, 2, 3])))
    # Those of other tests may have ended meanwhile.
    assert set(children.read_text().split()) <= before


def test_process_executor_says_what_is_wrong() -> None:
    with pytest.raises(InvalidValueError, match="at least 1, got 0"):
        ProcessExecutor(0)


def test_workers_of_build_pairs_never_load_torch(tmp_path: Path, scenes: Path, pool: Path) -> None:
    spy = SpyingExecutor(ProcessExecutor(2))
    config = BuildPairsConfig(
        pool=pool, out=tmp_path / "pairs", hr=(scenes,), scale=2, hr_size=64, shard_mib=1
    )
    assert build_pairs(config, executor=spy).done > 0
    _check_lightness(spy)


def test_workers_of_extract_noise_never_load_torch(tmp_path: Path, scenes: Path) -> None:
    spy = SpyingExecutor(ProcessExecutor(2))
    selection = NoiseSelection(patch_size=32, max_variance=1e4, min_roughness=0.0)
    config = ExtractNoiseConfig(sources=(scenes,), pool=tmp_path / "other", selection=selection)
    assert extract_noise(config, executor=spy).done > 0
    _check_lightness(spy)


def _check_lightness(spy: SpyingExecutor) -> None:
    assert spy.states
    heavy = {"torch", "matplotlib", "click", "distributed", "joblib"}
    for state in spy.states:
        assert not heavy & state.modules
        assert state.peak_mib < 300
