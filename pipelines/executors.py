"""Where tasks run: in this process or on its cores. Results never depend on the choice."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar, cast

from degrade.errors import DegradeError, InvalidValueError

__all__ = [
    "Executor",
    "InProcessExecutor",
    "ProcessExecutor",
    "TaskResult",
    "WorkerDiedError",
    "available_cores",
    "make_executor",
]

Task = TypeVar("Task")
Value = TypeVar("Value")


class WorkerDiedError(DegradeError):
    """The process that worked on a task was killed, most often for want of memory."""


@dataclass(frozen=True, slots=True)
class TaskResult(Generic[Value]):
    """The end of one task.

    Attributes
    ----------
    index : int
        The task's place in the sequence that was handed over.
    value : object or None
        What the function returned.
    error : DegradeError or None
        What it raised on purpose. Any other exception is a bug and ends the run.
    """

    index: int
    value: Value | None
    error: DegradeError | None = None

    def get(self) -> Value:
        """Return the value, or raise the error."""
        if self.error is not None:
            raise self.error
        return cast(Value, self.value)


class Executor(Protocol):
    """Runs a function over tasks and yields results in the order in which they end."""

    def run(
        self, function: Callable[[Task], Value], tasks: Sequence[Task]
    ) -> Iterator[TaskResult[Value]]:
        """Yield one result per task; the function must be importable and the tasks picklable."""
        ...


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def make_executor(jobs: int | None) -> Executor:
    """Return the executor for ``--jobs``: 1 runs in this process, None on every available core."""
    if jobs is not None and jobs < 1:
        raise InvalidValueError(f"jobs must be at least 1, got {jobs}")
    count = jobs or available_cores()
    return InProcessExecutor() if count == 1 else ProcessExecutor(count)


def _attempt(function: Callable[[Task], Value], index: int, task: Task) -> TaskResult[Value]:
    try:
        return TaskResult(index, function(task))
    except DegradeError as error:
        return TaskResult(index, None, error)


class InProcessExecutor:
    """Runs the tasks one after the other in this process."""

    def run(
        self, function: Callable[[Task], Value], tasks: Sequence[Task]
    ) -> Iterator[TaskResult[Value]]:
        """See :class:`Executor`."""
        for index, task in enumerate(tasks):
            yield _attempt(function, index, task)


class ProcessExecutor:
    """Runs the tasks in ``jobs`` worker processes, one library thread each.

    joblib's loky gives a whole run up when one worker is killed. Here the tasks without a result
    are then handed to fresh workers; after a second death the rest run one to a process, so that
    the task that kills its worker is known, is reported, and only that one is lost.
    """

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise InvalidValueError(f"jobs must be at least 1, got {jobs}")
        self.jobs = jobs

    def run(
        self, function: Callable[[Task], Value], tasks: Sequence[Task]
    ) -> Iterator[TaskResult[Value]]:
        """See :class:`Executor`."""
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        waiting = dict(enumerate(tasks))
        for _ in range(2):
            try:
                for result in self._parallel(function, waiting, self.jobs):
                    del waiting[result.index]
                    yield result
                return
            except TerminatedWorkerError:
                continue
        for index, task in waiting.items():
            try:
                yield from self._parallel(function, {index: task}, 1)
            except TerminatedWorkerError:
                reason = "its worker process was killed, most likely for want of memory"
                yield TaskResult(index, None, WorkerDiedError(reason))

    @staticmethod
    def _parallel(
        function: Callable[[Task], Value], tasks: dict[int, Task], jobs: int
    ) -> Iterator[TaskResult[Value]]:
        import joblib
        from joblib.externals.loky import get_reusable_executor

        attempt, parent = joblib.delayed(_attempt_alone), os.getpid()
        calls = [attempt(function, i, task, parent) for i, task in tasks.items()]
        # joblib runs n_jobs=1 in this very process, so 2 is the least; one call uses one worker.
        with (
            joblib.parallel_config("loky", n_jobs=max(jobs, 2), inner_max_num_threads=1),
            _interrupts_ignored(),
        ):
            # One spare task per worker keeps it busy while results travel.
            results: Generator[TaskResult[Value], None, None] = joblib.Parallel(
                return_as="generator_unordered", batch_size=1, pre_dispatch=f"{jobs}+1"
            )(calls)
        try:
            # `yield from` would close joblib's generator, loudly, before the lines below could.
            for result in results:  # noqa: UP028
                yield result
        except BaseException:
            # Interrupted or broken: nobody waits for these results any more.
            with warnings.catch_warnings(action="ignore"):
                results.close()
            get_reusable_executor().shutdown(wait=False, kill_workers=True)
            raise


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C for the moment in which workers start: they inherit that for good.

    A terminal sends Ctrl-C to the workers too; the parent alone decides how a job ends.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _attempt_alone(
    function: Callable[[Task], Value], index: int, task: Task, parent: int
) -> TaskResult[Value]:
    """Run a task in a worker, with one library thread."""
    import cv2

    _end_with(parent)
    cv2.setNumThreads(1)
    return _attempt(function, index, task)


@functools.cache
def _end_with(parent: int) -> None:
    """Let this worker end soon after its parent was killed.

    It would work on for minutes otherwise, in folders whose lock another run now takes for stale.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
