"""One suite that every executor passes, and what only processes can go through."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from degrade.errors import DegradeError, InputError, InvalidValueError
from pipelines.executors import (
    Executor,
    InProcessExecutor,
    ProcessExecutor,
    WorkerDiedError,
    available_cores,
    make_executor,
)


def _square(number: int) -> int:
    return number * number


def _refuse_odd(number: int) -> int:
    if number % 2:
        raise InputError(f"{number}.png", "odd", "use an even one")
    return number


def _bug(number: int) -> int:
    return number // 0


def _die_once(task: tuple[int, Path]) -> int:
    number, marker = task
    if number == 3 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def _die_always(number: int) -> int:
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


@pytest.fixture(params=["in process", "processes"])
def executor(request: pytest.FixtureRequest) -> Executor:
    return InProcessExecutor() if request.param == "in process" else ProcessExecutor(2)


class TestEveryExecutor:
    def test_run_yields_one_result_per_task(self, executor: Executor) -> None:
        results = {r.index: r.get() for r in executor.run(_square, list(range(17)))}
        assert results == {n: n * n for n in range(17)}

    def test_run_of_nothing_yields_nothing(self, executor: Executor) -> None:
        assert list(executor.run(_square, [])) == []

    def test_run_returns_errors_of_purpose_and_goes_on(self, executor: Executor) -> None:
        results = {r.index: r for r in executor.run(_refuse_odd, [0, 1, 2, 3])}
        assert results[0].get() == 0 and results[2].get() == 2
        with pytest.raises(InputError, match=r"1\.png: odd; use an even one"):
            results[1].get()
        assert isinstance(results[3].error, InputError)
        assert results[3].error.path == "3.png"

    def test_run_raises_bugs(self, executor: Executor) -> None:
        with pytest.raises(ZeroDivisionError):
            list(executor.run(_bug, [1, 2]))

    def test_run_may_be_left_early_and_used_again(self, executor: Executor) -> None:
        first = next(iter(executor.run(_square, [3, 4, 5])))
        assert first.get() == (first.index + 3) ** 2
        assert len(list(executor.run(_square, [1, 2]))) == 2


def test_process_executor_survives_a_killed_worker(tmp_path: Path) -> None:
    tasks = [(n, tmp_path / "died") for n in range(8)]
    results = {r.index: r.get() for r in ProcessExecutor(2).run(_die_once, tasks)}
    assert results == {n: n for n in range(8)}
    assert (tmp_path / "died").exists()


def test_process_executor_loses_only_the_task_that_kills_its_worker() -> None:
    results = {r.index: r for r in ProcessExecutor(2).run(_die_always, list(range(6)))}
    assert sorted(results) == list(range(6))
    assert isinstance(results[2].error, WorkerDiedError)
    assert all(results[n].get() == n for n in range(6) if n != 2)


WORK_FOR_EVER = """
import sys
from pathlib import Path
from pipelines.executors import ProcessExecutor
from tests.pipelines.test_executors import _sleep_in
list(ProcessExecutor(2).run(_sleep_in, [Path(sys.argv[1])] * 2))
"""


def _sleep_in(folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    time.sleep(60)


def test_process_executor_leaves_no_worker_when_it_is_killed(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, "-c", WORK_FOR_EVER, tmp_path], cwd=root)
    assert _wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
    parent.kill()
    parent.wait()
    workers = [Path("/proc") / entry.name / "exe" for entry in tmp_path.iterdir()]
    # A zombie has no program any more; whose child it is now decides when it vanishes.
    assert _wait_until(lambda: not any(worker.exists() for worker in workers))


def _wait_until(condition: Callable[[], bool]) -> bool:
    for _ in range(300):
        if condition():
            return True
        time.sleep(0.1)
    return False


def test_make_executor_runs_one_job_in_this_process() -> None:
    assert isinstance(make_executor(1), InProcessExecutor)
    many = make_executor(3)
    assert isinstance(many, ProcessExecutor) and many.jobs == 3
    assert isinstance(make_executor(None), ProcessExecutor) == (available_cores() > 1)
    with pytest.raises(InvalidValueError, match="at least 1"):
        make_executor(0)


def test_worker_died_error_is_a_degrade_error() -> None:
    assert issubclass(WorkerDiedError, DegradeError)
