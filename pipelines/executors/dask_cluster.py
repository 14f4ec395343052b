"""Tasks on a Dask cluster: native futures, a bounded number of them, results as they come.

joblib on Dask waits for ever when a task kills its worker, so it is not used.
"""

from __future__ import annotations

import contextlib
import pickle
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import Any, cast
from uuid import uuid4

from degrade.errors import DegradeError, InvalidValueError, printable
from pipelines.executors.base import Task, TaskResult, Value, WorkerDiedError, run_suspects_last
from pipelines.executors.dask_client import connected
from pipelines.executors.dask_worker import (
    attempt_on_worker,
    describe_differences,
    examine,
    local_software,
    paths_in,
)

__all__ = ["DaskExecutor"]

_PER_THREAD = 3
"""Tasks that the scheduler knows of for each thread of the cluster: one at work, the next, and one
for the time in which results travel."""

_PULSE = 1.0
"""Seconds between two looks at whether scheduler and workers are still there."""

_ANSWER = 60.0
"""Seconds in which the scheduler answers a question, or is taken for dead."""

_SAMPLE = 12
"""How many paths of the first task the workers are asked for."""


class DaskExecutor:
    """Runs the tasks on the workers of a Dask cluster.

    Workers need this package and its libraries in the versions that are here, and see the same
    files under the same absolute paths.

    Parameters
    ----------
    address : str
        The scheduler's, such as ``tcp://host:8786``.
    patience : float
        Seconds without any worker after which a run is given up.
    on_wait : callable or None
        Called with a line of text when the run has to wait for workers.
    """

    def __init__(
        self,
        address: str,
        *,
        patience: float = 300.0,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        if not re.fullmatch(r"(tcp|tls)://[^\s/]+:\d+", address):
            raise InvalidValueError(
                f"the scheduler's address must be tcp://HOST:PORT, got {printable(address)!r}"
            )
        if patience <= 0:
            raise InvalidValueError(f"patience must be positive, got {patience}")
        self.address = address
        self.patience = patience
        self.on_wait = on_wait

    def run(
        self, function: Callable[[Task], Value], tasks: Sequence[Task]
    ) -> Iterator[TaskResult[Value]]:
        """Yield results as the cluster returns them.

        Raises
        ------
        DegradeError
            No scheduler answers, it has no worker for ``patience`` seconds, the connection is
            lost, or the workers are not equipped for the tasks.
        MissingDependencyError
            The package ``distributed`` is not installed here.
        """
        if not tasks:
            return
        with connected(self.address) as client:
            cluster = _Cluster(client, self)
            cluster.wait_for_workers()
            cluster.check_workers(tasks[0])
            yield from run_suspects_last(
                lambda indices: cluster.work(function, tasks, indices), len(tasks)
            )


class _Cluster:
    """The workers behind a client, for the time of one run."""

    def __init__(self, client: Any, settings: DaskExecutor) -> None:
        self._client = client
        self._settings = settings
        self._shown = printable(settings.address)
        self._threads = 0
        self._last_look = self._last_seen = time.monotonic()
        self._is_waiting = False

    def wait_for_workers(self) -> None:
        """Return when there is a worker.

        Raises
        ------
        DegradeError
            There is none for as long as the settings allow, or the scheduler is gone.
        """
        while True:
            self._look()
            if self._threads:
                return
            time.sleep(_PULSE / 5)

    def _look(self) -> None:
        """Count the cluster's threads; see :meth:`wait_for_workers` for what is raised."""
        client, patience = self._client, self._settings.patience
        if client.status != "running":
            raise self._lost()
        try:
            cores = client.sync(client.scheduler.ncores, workers=None, callback_timeout=_ANSWER)
        except OSError:
            raise self._lost() from None
        self._threads = sum(cores.values())
        self._last_look = now = time.monotonic()
        if self._threads:
            self._last_seen, self._is_waiting = now, False
        elif now - self._last_seen > patience:
            raise DegradeError(
                f"the Dask scheduler at {self._shown} has had no worker for {patience:g} s; start "
                f"some (dask worker {self._shown} --nthreads 1) and run the same command again"
            )
        elif not self._is_waiting:
            self._is_waiting = True
            if self._settings.on_wait is not None:
                self._settings.on_wait(
                    f"no worker at {self._shown}; waiting for one, at most {patience:g} s"
                )

    def _lost(self) -> DegradeError:
        return DegradeError(
            f"the connection to the Dask scheduler at {self._shown} was lost; what is finished is "
            "kept: run the same command again when the scheduler is there"
        )

    def check_workers(self, task: object) -> None:
        """Check that the workers have the software that is here and see the files of a task.

        Raises
        ------
        DegradeError
            Names a worker that does not.
        """
        paths = paths_in(task, _SAMPLE)
        relative = [path for path in paths if not path.is_absolute()]
        if relative:
            raise InvalidValueError(
                f"a cluster needs absolute paths, got {printable(relative[0])!r}"
            )
        seen_here = [path for path in paths if path.exists()]
        try:
            answers = self._client.run(
                examine, seen_here, on_error="return", callback_timeout=_ANSWER
            )
        except OSError:
            raise self._lost() from None
        for address, answer in answers.items():
            self._check_answer(printable(address), answer)

    @staticmethod
    def _check_answer(worker: str, answer: Any) -> None:
        if isinstance(answer, OSError):  # it left while it was asked
            return
        if isinstance(answer, BaseException):
            raise _unlike(f"the Dask worker {worker} cannot load degrade ({answer})")
        software, host, unseen = answer
        differences = describe_differences(software, local_software())
        if differences:
            raise _unlike(f"the Dask worker {worker} on {host} has {differences}")
        if unseen:
            raise DegradeError(
                f"the Dask worker {worker} on {host} does not see {printable(unseen[0])}; every "
                "worker needs the same files under the same paths (a shared file system)"
            )

    def work(
        self, function: Callable[[Task], Value], tasks: Sequence[Task], indices: Sequence[int]
    ) -> Iterator[TaskResult[Value]]:
        """Yield the results of these tasks as they end; KilledWorker becomes an error."""
        ended: SimpleQueue[int] = SimpleQueue()
        running: dict[int, Any] = {}
        results: list[TaskResult[Value]] = []
        sent = 0
        try:
            while running or sent < len(indices):
                while sent < len(indices) and len(running) < _PER_THREAD * self._threads:
                    index = indices[sent]
                    running[index] = self._submit(function, index, tasks[index])
                    self._watch(index, running[index], ended)
                    sent += 1
                yield from results  # now that the cluster has work again
                if time.monotonic() - self._last_look > _PULSE:
                    self._look()
                batch = {index: running[index] for index in _take_all(ended)}
                results = self._collect(batch)
                for result in results:
                    del running[result.index], batch[result.index]  # their memory too, over there
                for index, future in batch.items():  # lost with their worker, and begun again
                    self._watch(index, future, ended)
            yield from results
        except Exception as error:
            if isinstance(error, DegradeError) or self._client.status == "running":
                raise
            raise self._lost() from None  # each call of the library has its own way to say so
        finally:
            self._drop(list(running.values()))

    @staticmethod
    def _watch(index: int, future: Any, ended: SimpleQueue[int]) -> None:
        future.add_done_callback(lambda _: ended.put(index))

    def _submit(self, function: Callable[[Task], Value], index: int, task: Task) -> Any:
        # Bytes, so that the scheduler carries the task without taking it apart.
        call = pickle.dumps((function, index, task), pickle.HIGHEST_PROTOCOL)
        return self._client.submit(
            attempt_on_worker, local_software(), call, key=f"degrade-{uuid4().hex}", pure=False
        )

    def _collect(self, batch: Mapping[int, Any]) -> list[TaskResult[Value]]:
        """Return the results of tasks that have ended, without those that were lost since."""
        results: list[TaskResult[Value]] = []
        finished = []
        for index, future in batch.items():
            status = future.status
            if status == "finished":
                finished.append(future)
            elif status == "error":
                reason = self._reason_of_death(future.exception())
                results.append(TaskResult(index, None, WorkerDiedError(reason)))
            elif status == "cancelled":
                raise self._lost()

        async def gather() -> list[TaskResult[Value]]:
            return list(await self._client.gather(finished, asynchronous=True))

        # All at once: one at a time is ten times slower. A worker that dies now makes the
        # scheduler run its tasks once more, which may take longer than we wait here, or be the
        # death that was one too many: then the next look finds these tasks ended in error.
        with contextlib.suppress(TimeoutError, import_module("distributed").KilledWorker):
            results += self._client.sync(gather, callback_timeout=_ANSWER)
        return results

    def _reason_of_death(self, error: Exception) -> str:
        """Return why the scheduler gave a task up; any other error is raised."""
        if isinstance(error, import_module("distributed").KilledWorker):
            deaths = cast(Any, error).allowed_failures + 1
            return (
                f"{deaths} Dask workers died with it, most likely for want of memory; "
                "give them more, and run the same command again"
            )
        if isinstance(error, ImportError):
            raise _unlike(f"the cluster at {self._shown} cannot load a task ({error})")
        raise error

    def _drop(self, futures: Sequence[Any]) -> None:
        """Cancel what has not begun and let go of the rest."""
        if futures and self._client.status == "running":
            with contextlib.suppress(OSError):
                self._client.cancel(futures, force=True)


def _take_all(ended: SimpleQueue[int]) -> Iterator[int]:
    """Yield what has come, waiting a moment for the first."""
    with contextlib.suppress(Empty):
        yield ended.get(timeout=_PULSE)
        while True:
            yield ended.get_nowait()


def _unlike(text: str) -> DegradeError:
    return DegradeError(
        f"{text}; install the same versions of degrade and its libraries on every machine"
    )
