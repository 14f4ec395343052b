"""Ctrl-C and SIGTERM, told apart."""

from __future__ import annotations

import signal

__all__ = ["Interrupted", "interrupt_signal"]


class Interrupted(KeyboardInterrupt):
    """A signal asked the job to stop; raised where KeyboardInterrupt would be."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def interrupt_signal(error: KeyboardInterrupt) -> int:
    """Return the signal behind an interrupt; SIGINT for a plain Ctrl-C."""
    return error.signum if isinstance(error, Interrupted) else int(signal.SIGINT)
