"""Work in forked children, so that whatever it does to itself ends there.

The parent imports everything beforehand and never works itself: a child then costs a hundredth of
a second, and what it begins with is the same each time.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import pickle
import select
import signal
import struct
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PATIENCE = 120.0
"""Seconds after which work that takes less than one is taken for hung."""


@dataclass(frozen=True)
class Ended:
    """How a child ended: its result, what it raised, or the signal that killed it."""

    value: Any = None
    error: BaseException | None = None
    trace: str = ""
    killed_by: int = 0

    @property
    def complaint(self) -> str | None:
        """What is wrong with an end that should have been a quiet one."""
        if self.error is not None:
            return "".join(self.trace.splitlines(keepends=True)[-9:])
        return f"died of {signal.Signals(self.killed_by).name}" if self.killed_by else None


_REPORT_BYTES = 2**22
_LENGTH = struct.Struct("<Q")


class Child:
    """A forked process at work on ``work()``; it tells of its end through shared memory.

    Beside the fork neither side makes a system call that a disk has part in.
    """

    def __init__(self, work: Callable[[], Any]) -> None:
        self._report = mmap.mmap(-1, _REPORT_BYTES)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self._work(work)
            finally:
                os._exit(0)
        self._descriptor = os.pidfd_open(self.pid)

    def _work(self, work: Callable[[], Any]) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
        try:
            end = Ended(value=work())
        except BaseException as error:
            end = Ended(error=error, trace=traceback.format_exc())
        try:
            content = pickle.dumps(end)
            pickle.loads(content)
        except Exception:
            content = pickle.dumps(Ended(error=RuntimeError(repr(end)), trace=end.trace))
        self._report[_LENGTH.size : _LENGTH.size + len(content)] = content
        self._report[: _LENGTH.size] = _LENGTH.pack(len(content))

    def ends_within(self, seconds: float) -> bool:
        """Wait for the end, no longer than this."""
        return bool(select.select([self._descriptor], [], [], seconds)[0])

    def kill(self) -> None:
        """Kill the process, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def end(self, patience: float = PATIENCE) -> Ended:
        """Wait for the end; a child that is still there after ``patience`` is killed."""
        hangs = True
        try:
            hangs = not self.ends_within(patience)
        finally:
            if hangs:
                self.kill()
            _, status = os.waitpid(self.pid, 0)
            os.close(self._descriptor)
        if hangs:
            return Ended(error=TimeoutError(), trace=f"hung: still at work after {patience} s")
        if os.WIFSIGNALED(status):
            return Ended(killed_by=os.WTERMSIG(status))
        (length,) = _LENGTH.unpack(self._report[: _LENGTH.size])
        if not length:
            return Ended(error=EOFError(), trace="ended without a word")
        found: Ended = pickle.loads(self._report[_LENGTH.size : _LENGTH.size + length])
        return found


def in_child(work: Callable[[], Any], patience: float = PATIENCE) -> Ended:
    """Run ``work`` in a child and return how that ended."""
    return Child(work).end(patience)


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Return whether ``condition`` comes true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.002)
    return True
