"""Tasks on this machine's cores: worker processes of one library thread each."""

from __future__ import annotations

import contextlib
import itertools
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path
from typing import Generic

from degrade.errors import DegradeError, InvalidValueError, remedy_for
from pipelines.executors.base import Task, TaskResult, Value, WorkerDiedError, run_suspects_last

__all__ = ["ProcessExecutor"]

_WORKER_MODULE = "pipelines.executors.process_worker"

_MOST_HELD = 2
"""Tasks that a worker has: the one it is at and the next, so that it need not wait for us."""

_ONE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "BLIS_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ),
    "1",
)


class ProcessExecutor:
    """Runs the tasks in ``jobs`` worker processes, one library thread each.

    A pool of the standard library or of loky is lost as a whole with any of its workers, and waits
    for ever for a result of which only a part was sent. Here each worker has a connection of its
    own, whose end is the worker's end. At most two tasks a worker are pickled at any time.
    """

    def __init__(self, jobs: int) -> None:
        if jobs < 1:
            raise InvalidValueError(f"jobs must be at least 1, got {jobs}")
        self.jobs = jobs

    def run(
        self, function: Callable[[Task], Value], tasks: Sequence[Task]
    ) -> Iterator[TaskResult[Value]]:
        """Yield results as the workers return them."""

        def wave(indices: Sequence[int]) -> Iterator[TaskResult[Value]]:
            workers: list[_Worker[Task, Value]] = []
            try:
                workers += (_Worker(function) for _ in range(min(self.jobs, len(indices))))
                yield from _work(workers, tasks, iter(indices))
            finally:
                for worker in workers:
                    worker.end()

        return run_suspects_last(wave, len(tasks))


def _work(
    workers: Sequence[_Worker[Task, Value]], tasks: Sequence[Task], waiting: Iterator[int]
) -> Iterator[TaskResult[Value]]:
    """Yield the results of the tasks that wait as they end; one of a dead worker is an error."""
    while True:
        # Everyone's first task before anyone's second: none waits while a worker is idle.
        for depth in range(_MOST_HELD):
            for worker in workers:
                while len(worker.held) <= depth and (index := next(waiting, None)) is not None:
                    if not worker.give(index, tasks[index]):
                        waiting = itertools.chain([index], waiting)
                        if worker.held:
                            break  # its end is read below, after what it has sent
                        worker.bury()
        busy: dict[object, _Worker[Task, Value]] = {w.connection: w for w in workers if w.held}
        if not busy:
            return
        for connection in wait([worker.connection for worker in busy.values()]):
            worker = busy[connection]
            try:
                result = worker.take()
            except _WorkerGoneError:
                yield from worker.bury()
            else:
                if result is not None:
                    yield result


class _WorkerGoneError(Exception):
    """The process at the other end is dead; no error of a task is one."""


class _Worker(Generic[Task, Value]):
    """One process, and the indices of the tasks that it was given and has not returned."""

    def __init__(self, function: Callable[[Task], Value]) -> None:
        self._function = function
        self.held: list[int] = []
        self._start()

    def _start(self) -> None:
        try:
            self._begin()
        except OSError as error:
            raise DegradeError(
                f"no worker process can be started ({error.strerror}); "
                f"{remedy_for(error, 'use fewer `jobs`')}"
            ) from error

    def _begin(self) -> None:
        self._is_ready = False
        self.connection, theirs = Pipe()
        path = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _WORKER_MODULE, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
                # A terminal sends Ctrl-C to a whole group: the parent alone decides how a job ends.
                process_group=0,
            )

    def give(self, index: int, task: Task) -> bool:
        """Hand a task over; False when the process is dead."""
        call = pickle.dumps((self._function, index, task), pickle.HIGHEST_PROTOCOL)
        try:
            self.connection.send_bytes(call)
        except OSError:
            return False
        self.held.append(index)
        return True

    def take(self) -> TaskResult[Value] | None:
        """Return a result that has come, None for the word that the process has started.

        What else a task raised than an error on purpose is raised here: it is a bug.

        Raises
        ------
        _WorkerGoneError
            The process is dead.
        """
        try:
            sent = self.connection.recv_bytes()
        except (EOFError, OSError):
            raise _WorkerGoneError from None
        outcome = pickle.loads(sent)
        if isinstance(outcome, BaseException):
            raise outcome
        if outcome is None:
            self._is_ready = True
            return None
        result: TaskResult[Value] = outcome
        self.held.remove(result.index)
        return result

    def bury(self) -> list[TaskResult[Value]]:
        """Put a new process into the place of a dead one; return what the dead one leaves."""
        with contextlib.suppress(_WorkerGoneError, OSError):
            while not self._is_ready and self.connection.poll():
                self.take()
        self.end()
        code = self._process.returncode
        if code >= 0 and not self._is_ready:
            raise DegradeError(
                f"a worker process ended with exit code {code} before its first task"
            )
        lost, self.held = self.held, []
        self._start()
        return [TaskResult(index, None, WorkerDiedError(_cause_of_death(code))) for index in lost]

    def end(self) -> None:
        """End the process at once; what it is at is lost."""
        self.connection.close()
        self._process.kill()
        self._process.wait()


def _cause_of_death(code: int) -> str:
    if code == -signal.SIGKILL:
        return (
            "its worker process was killed, most likely for want of memory; "
            "use fewer `jobs` or smaller photos, and run the same command again"
        )
    if code < 0:
        return f"its worker process was killed by {signal.Signals(-code).name}"
    return f"its worker process ended with exit code {code}"
