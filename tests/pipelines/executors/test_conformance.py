"""One suite that every executor passes; a worker's death, where there are workers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import overload

import pytest

from degrade.errors import InputError
from pipelines.executors import Executor, InProcessExecutor, WorkerDiedError
from tests.pipelines.executors.tasks import (
    SpyingExecutor,
    die_of,
    die_once,
    divide_by_zero,
    open_nothing,
    refuse_odd,
    return_what_cannot_be_sent,
    square,
)


class _Watched(Sequence[int]):
    """Numbers that remember how far they were read."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.read = 0

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int]:
        assert isinstance(index, int), "a copy of all tasks is too much"
        self.read = max(self.read, index + 1)
        return index


class TestEveryExecutor:
    def test_run_yields_one_result_per_task(self, executor: Executor) -> None:
        results = {r.index: r.get() for r in executor.run(square, list(range(17)))}
        assert results == {n: n * n for n in range(17)}

    def test_run_of_nothing_yields_nothing(self, executor: Executor) -> None:
        assert list(executor.run(square, [])) == []

    def test_run_returns_errors_of_purpose_and_goes_on(self, executor: Executor) -> None:
        results = {r.index: r for r in executor.run(refuse_odd, [0, 1, 2, 3])}
        assert results[0].get() == 0 and results[2].get() == 2
        with pytest.raises(InputError, match=r"1\.png: odd"):
            results[1].get()
        assert isinstance(results[3].error, InputError)
        assert results[3].error.path == "3.png"

    def test_run_raises_bugs(self, executor: Executor) -> None:
        with pytest.raises(ZeroDivisionError):
            list(executor.run(divide_by_zero, [1, 2]))
        with pytest.raises(FileNotFoundError):  # no death of a worker, though a pipe's end looks so
            list(executor.run(open_nothing, [1, 2]))

    def test_run_may_be_left_early_and_used_again(self, executor: Executor) -> None:
        first = next(iter(executor.run(square, [3, 4, 5])))
        assert first.get() == (first.index + 3) ** 2
        assert len(list(executor.run(square, [1, 2]))) == 2

    def test_run_may_run_within_a_run(self, executor: Executor) -> None:
        for result in executor.run(square, [3, 4]):
            (inner,) = executor.run(square, [result.get()])
            assert inner.get() == (result.index + 3) ** 4

    def test_run_prepares_few_tasks_ahead(self, executor: Executor) -> None:
        tasks = _Watched(10**9)
        results = iter(executor.run(square, tasks))
        for done in range(1, 41):
            assert next(results).error is None
            assert tasks.read <= done + 12, "two workers need no more"

    def test_run_holds_libraries_to_one_thread(self, executor: Executor) -> None:
        if isinstance(executor, InProcessExecutor):
            pytest.skip("in one process the cores are the libraries' own")
        spy = SpyingExecutor(executor)
        list(spy.run(square, [1, 2]))
        assert [(state.cv2_threads, state.blas_threads) for state in spy.states] == [(1, 1)] * 2


class TestEveryExecutorWithWorkers:
    def test_run_repeats_what_a_killed_worker_had(
        self, mortal_executor: Executor, tmp_path: Path
    ) -> None:
        tasks = [(n, tmp_path / "died") for n in range(8)]
        results = {r.index: r.get() for r in mortal_executor.run(die_once, tasks)}
        assert results == {n: n for n in range(8)}
        assert (tmp_path / "died").exists()

    @pytest.mark.parametrize("poison", [{31}, pytest.param({0, 1}, marks=pytest.mark.slow)])
    def test_run_loses_only_the_tasks_that_kill_their_workers(
        self, mortal_executor: Executor, poison: set[int]
    ) -> None:
        results = list(mortal_executor.run(partial(die_of, frozenset(poison)), range(60)))
        assert sorted(result.index for result in results) == list(range(60))
        dead = {r.index: r.error for r in results if r.error is not None}
        assert set(dead) == poison
        assert all(isinstance(error, WorkerDiedError) for error in dead.values())
        assert all(result.index == result.value for result in results if result.index not in dead)

    def test_run_raises_for_a_result_that_cannot_be_sent(self, mortal_executor: Executor) -> None:
        with pytest.raises(Exception, match=r"[Pp]ickle|[Ss]erialize"):
            list(mortal_executor.run(return_what_cannot_be_sent, [1]))
