"""Ctrl-C, SIGTERM and a terminal that goes away: where they may end a job, and where not."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from degrade.disk import processes

__all__ = [
    "Interrupted",
    "deferred_signals",
    "ending_by_signals",
    "interrupt_signal",
    "uninterrupted",
]

_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)

_RETRY_S = 0.01

_PATIENCE_S = 1.0
"""How long a job may clear up after a second signal."""

_IMPORTING = "<frozen importlib."
_BOOKKEEPING = f"{Path(processes.__file__).parent}/"
_THREADS = (threading.__file__, f"{Path(threading.__file__).parent / 'concurrent'}/")
_WAITS = frozenset({"wait", "join", "_wait_for_tstate_lock"})
_COMMANDS = f"{Path(__file__).parents[1] / 'cli'}/"


class Interrupted(KeyboardInterrupt):
    """A signal asked the job to stop; raised where KeyboardInterrupt would be."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def interrupt_signal(error: KeyboardInterrupt) -> int:
    """Return the signal behind an interrupt; SIGINT for a plain Ctrl-C."""
    return error.signum if isinstance(error, Interrupted) else int(signal.SIGINT)


@contextlib.contextmanager
def ending_by_signals(heard: list[int]) -> Iterator[None]:
    """Raise :class:`Interrupted` on a signal, at a place where that does no harm.

    While a module is loaded, a lock or temporary file is made or removed, or a thread is started or
    locks of threads are taken or given back, it waits for the end of that; while a command loads
    what it needs, nothing has been begun, and the process ends at once. A second signal gives the
    job a second to clear up, then the process ends.

    Parameters
    ----------
    heard : list of int
        Takes the signals that come.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # somebody else's process, their signals
        return
    ending = _Ending(heard)
    try:
        ending.listen()
        yield
    finally:
        ending.leave()


class _Ending:
    """The handlers of :func:`ending_by_signals`."""

    def __init__(self, heard: list[int]) -> None:
        self._heard = heard
        self._previous: dict[int, Any] = {}
        self._unraisable = sys.unraisablehook

    def listen(self) -> None:
        for number in _heeded():
            self._previous[number] = signal.signal(number, self._hear)
        self._previous[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._try_to_end)
        # A reader that goes away is an error of the write.
        self._previous[signal.SIGPIPE] = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        sys.unraisablehook = self._swallowed

    def leave(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = self._unraisable
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _hear(self, signum: int, frame: FrameType | None) -> None:
        self._heard.append(signum)
        if len(self._heard) == 1:
            self._try_to_end(signum, frame)
            return
        end = threading.Timer(_PATIENCE_S, _end_now, [signum])
        end.daemon = True
        end.start()

    def _try_to_end(self, _signum: int, frame: FrameType | None) -> None:
        if not self._heard:
            return
        callers = list(_with_callers(frame))
        places = [caller.f_code.co_filename for caller in callers]
        imports = [number for number, place in enumerate(places) if place.startswith(_IMPORTING)]
        if imports and places[imports[-1] + 1].startswith(_COMMANDS):
            _end_now(self._heard[0])
        is_amid = any(place.startswith(_BOOKKEEPING) for place in places)
        if imports or is_amid or _is_amid_threading(callers):
            self._soon()
        else:
            raise Interrupted(self._heard[0])

    def _soon(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, _RETRY_S)

    def _swallowed(self, unraisable: Any) -> None:
        """Raise once more what a destructor or callback could not pass on."""
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            self._soon()
        else:
            self._unraisable(unraisable)


def _with_callers(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_amid_threading(callers: Sequence[FrameType]) -> bool:
    """Tell whether a lock of threads may be held, which who clears up would wait for in vain.

    Where it waits, which may be for long, it holds none; but a thread that starts soon has.
    """
    within = [
        caller.f_code.co_name
        for caller in callers
        if caller.f_code.co_filename.startswith(_THREADS)
    ]
    return bool(within) and (within[0] not in _WAITS or "start" in within)


def _end_now(signum: int) -> None:
    for number in _SIGNALS if threading.current_thread() is threading.main_thread() else ():
        signal.signal(number, signal.SIG_IGN)  # one line, however often somebody presses Ctrl-C
    with contextlib.suppress(OSError):
        os.write(2, b"degrade: stopped\n")
    os._exit(128 + signum)


def _heeded() -> list[signal.Signals]:
    """Return the signals that end a job; what is ignored, as under nohup, stays so."""
    return [n for n in _SIGNALS if signal.getsignal(n) not in (signal.SIG_IGN, None)]


@contextlib.contextmanager
def deferred_signals() -> Iterator[list[int]]:
    """Collect signals instead of being interrupted by them; the second one counts."""
    caught: list[int] = []
    previous: dict[int, Any] = {}

    def remember(signum: int, frame: FrameType | None) -> None:
        if not caught:
            caught.append(signum)
        elif callable(previous[signum]) and previous[signum] is not signal.default_int_handler:
            previous[signum](signum, frame)
        else:
            raise Interrupted(signum)

    if threading.current_thread() is not threading.main_thread():
        # Python lets only the main thread handle signals; a library user stops in other ways.
        yield caught
        return
    for heeded in _heeded():
        previous[heeded] = signal.getsignal(heeded)
        signal.signal(heeded, remember)
    try:
        yield caught
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a signal wait for the end of a short block, which is done whole or not at all."""
    with deferred_signals() as caught:
        yield
    if caught:
        raise Interrupted(caught[0])
