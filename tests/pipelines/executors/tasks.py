"""What the executors' tests run; workers import this module."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from degrade.errors import DegradeError, InputError
from pipelines.executors import Executor, TaskResult


def square(number: int) -> int:
    return number * number


def refuse_odd(number: int) -> int:
    if number % 2:
        raise InputError(f"{number}.png", "odd", "use an even one")
    return number


def divide_by_zero(number: int) -> int:
    return number // 0


def exit_process(_number: int) -> None:
    os._exit(3)


def return_what_cannot_be_sent(_number: int) -> object:
    return threading.Lock()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_once(task: tuple[int, Path]) -> int:
    number, marker = task
    if number == 3 and not marker.exists():
        marker.touch()
        die()
    return number


def die_of(poison: frozenset[int], number: int) -> int:
    if number in poison:
        die()
    time.sleep(0.002)
    return number


def die_while_sending(milliseconds: int) -> bytes:
    def die_later() -> None:
        time.sleep(milliseconds / 1000)
        die()

    if not milliseconds:
        return b""
    result = bytes(200 << 20)
    threading.Thread(target=die_later, daemon=True).start()
    return result


def sleep_in(folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    time.sleep(250)


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise InputError(path, "cannot be read") from None


def open_nothing(_number: int) -> None:
    Path("no/such/file").read_bytes()


def fail(_number: int) -> None:
    raise DegradeError("it failed")


def sleep_a_little(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def _peak_mib() -> float:
    """Return this program's peak memory; ``ru_maxrss`` would count the process that started it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["VmHWM"].split()[0]) / 1024


@dataclass(frozen=True, slots=True)
class WorkerState:
    """What a worker looks like from inside."""

    host: str
    modules: frozenset[str]
    peak_mib: float
    cv2_threads: int
    blas_threads: int


def worker_state(_: object = None) -> WorkerState:
    import cv2
    from threadpoolctl import threadpool_info

    return WorkerState(
        socket.gethostname(),
        frozenset(sys.modules),
        _peak_mib(),
        cv2.getNumThreads(),
        max((library["num_threads"] for library in threadpool_info()), default=1),
    )


class WrappingExecutor:
    """Runs ``wrapper(function, task)`` where ``function(task)`` was asked for."""

    def __init__(self, inner: Executor, wrapper: Callable[..., Any]) -> None:
        self.inner = inner
        self.wrapper = wrapper

    def run(self, function: Callable[..., Any], tasks: Sequence[Any]) -> Iterator[TaskResult[Any]]:
        return self.inner.run(partial(self.wrapper, function), tasks)


def with_state(function: Callable[[Any], Any], task: Any) -> tuple[Any, WorkerState]:
    return function(task), worker_state()


class SpyingExecutor(WrappingExecutor):
    """Keeps the state of the workers of another executor, after each task."""

    def __init__(self, inner: Executor) -> None:
        super().__init__(inner, with_state)
        self.states: list[WorkerState] = []

    def run(self, function: Callable[..., Any], tasks: Sequence[Any]) -> Iterator[TaskResult[Any]]:
        for result in super().run(function, tasks):
            if result.value is not None:
                value, state = result.value
                self.states.append(state)
                result = replace(result, value=value)
            yield result


def die_of_shard(index: int, function: Callable[[Any], Any], task: Any) -> Any:
    if getattr(getattr(task, "spec", None), "index", None) == index:
        die()
    return function(task)
