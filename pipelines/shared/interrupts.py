"""Ctrl-C and SIGTERM, told apart."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

__all__ = ["Interrupted", "deferred_signals", "interrupt_signal", "uninterrupted"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """A signal asked the job to stop; raised where KeyboardInterrupt would be."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def interrupt_signal(error: KeyboardInterrupt) -> int:
    """Return the signal behind an interrupt; SIGINT for a plain Ctrl-C."""
    return error.signum if isinstance(error, Interrupted) else int(signal.SIGINT)


@contextlib.contextmanager
def deferred_signals() -> Iterator[list[int]]:
    """Collect SIGINT and SIGTERM instead of being interrupted by them; the second one counts."""
    caught: list[int] = []

    def remember(signum: int, _frame: FrameType | None) -> None:
        if caught:
            raise Interrupted(signum)
        caught.append(signum)

    if threading.current_thread() is not threading.main_thread():
        # Python lets only the main thread handle signals; a library user stops in other ways.
        yield caught
        return
    # What is ignored, as Ctrl-C by a shell's background jobs, stays so.
    heard = [n for n in _SIGNALS if signal.getsignal(n) not in (signal.SIG_IGN, None)]
    previous = {number: signal.signal(number, remember) for number in heard}
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
