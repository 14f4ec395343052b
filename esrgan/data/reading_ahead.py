"""Processes that read ahead of the training, and send what they read through pipes.

PyTorch's ``DataLoader`` sends tensors through ``/dev/shm``. In a container that is 64 MiB, and a
run waits there for ever; and a process that is killed ends the run. Here each process has a
connection of its own, whose end is the process's end, and nothing is shared.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import pickle
import signal
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import Queue
from typing import Any, Generic, TypeVar
from weakref import WeakSet

import torch

from degrade.errors import DegradeError, remedy_for

__all__ = ["read_ahead"]

K = TypeVar("K")
V = TypeVar("V")

_AHEAD = 2
"""Keys that a process has: the one it reads, and the one whose value waits to be taken."""

_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)

_OURS: WeakSet[Connection[Any, Any]] = WeakSet()
"""The parent's ends of all connections: a forked process has copies, and must not keep them."""


def read_ahead(read: Callable[[K], V], keys: Iterable[K], processes: int) -> Generator[V]:
    """Yield ``read(key)`` for each key, in their order, read by other processes.

    Parameters
    ----------
    read : callable
        What it returns is pickled; so is itself where processes are not forked.
    keys : iterable
    processes : int
        At least 1. They ignore the signals that end a run: who takes the values ends them.

    Raises
    ------
    DegradeError
        A process was killed while it read a value, and so was the next one.
    """
    waiting = iter(keys)
    readers: list[_Reader[K, V]] = []
    try:
        readers += (_Reader(read) for _ in range(processes))
        for reader, key in zip(readers * _AHEAD, waiting, strict=False):
            reader.give(key)
        for reader in itertools.cycle(readers):
            if not reader.held:
                return
            value = reader.take()
            for key in itertools.islice(waiting, 1):
                reader.give(key)
            yield value
    finally:
        for reader in readers:
            reader.end()


class _Reader(Generic[K, V]):
    """One process, and the keys that it was given and whose values are not taken yet."""

    def __init__(self, read: Callable[[K], V]) -> None:
        self._read = read
        self.held: deque[K] = deque()
        self._start()

    def _start(self) -> None:
        try:
            self._begin()
        except OSError as error:
            remedy = remedy_for(error, "use fewer `workers`").replace("`jobs`", "`workers`")
            raise DegradeError(
                f"no process that reads pairs can be started ({error.strerror}); {remedy}"
            ) from error

    def _begin(self) -> None:
        self._connection, theirs = Pipe()
        _OURS.add(self._connection)
        self._process = multiprocessing.Process(
            target=_serve, args=(self._read, theirs), daemon=True
        )
        # A signal to the whole group may come before the process ignores it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
                self._process.start()  # Python 3.12 warns of forks beside threads
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()

    def give(self, key: K) -> None:
        """Hand a key over."""
        self.held.append(key)
        try:
            self._connection.send(key)
        except OSError:
            return  # it is dead, which is seen when the value is taken

    def take(self) -> V:
        """Return the value of the oldest key; a process that died is replaced once."""
        try:
            outcome = self._receive()
        except EOFError:
            self._replace()
            try:
                outcome = self._receive()
            except EOFError:
                raise DegradeError(_said_of_death(self._exit_code())) from None
        self.held.popleft()
        if isinstance(outcome, BaseException):
            raise outcome
        value: V = outcome
        return value

    def _receive(self) -> Any:
        """Return what the process sent; EOFError when it is dead."""
        try:
            return pickle.loads(self._connection.recv_bytes())
        except OSError:
            raise EOFError from None

    def _replace(self) -> None:
        self.end()
        held, self.held = self.held, deque()
        self._start()
        for key in held:
            self.give(key)

    def _exit_code(self) -> int:
        self._process.join(10)
        return self._process.exitcode or 0

    def end(self) -> None:
        """End the process at once."""
        self._connection.close()
        self._process.kill()
        self._process.join()


def _said_of_death(code: int) -> str:
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    return (
        f"a process that reads pairs was ended twice {how}, most likely for want of memory; use "
        "fewer `workers` (0 reads in this process) or a smaller `batch_size`, and run the same "
        "command again: it goes on from its last checkpoint"
    )


def _serve(read: Callable[[K], V], connection: Connection[Any, Any]) -> None:
    """Read what is asked for until the other end closes or is gone."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    for other in list(_OURS):
        other.close()
    torch.set_num_threads(1)
    outcomes: Queue[bytes] = Queue(1)
    threading.Thread(target=_send, args=(connection, outcomes), daemon=True).start()
    try:
        while True:
            outcomes.put(_outcome(read, connection.recv()))
    except (EOFError, OSError):
        os._exit(0)


def _send(connection: Connection[Any, Any], outcomes: Queue[bytes]) -> None:
    """Send from a thread, so that the next value is read while the last one waits."""
    try:
        while True:
            connection.send_bytes(outcomes.get())
    except OSError:
        os._exit(0)


def _outcome(read: Callable[[K], V], key: K) -> bytes:
    """Return a pickled value, or the pickled exception."""
    try:
        return pickle.dumps(read(key), pickle.HIGHEST_PROTOCOL)
    except DegradeError as error:
        return pickle.dumps(error, pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        error.add_note("in a process that reads pairs:\n" + traceback.format_exc())
        return pickle.dumps(error, pickle.HIGHEST_PROTOCOL)
