"""The other end of :class:`ProcessExecutor`: ``python -m pipelines.executors.process_worker FD``.

Three threads: one receives, so that a task is here before the last one has ended; one works; one
sends, so that a reader who is slow does not hold up the next task. There is never more to hold
than the few tasks that the parent hands out at a time.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from degrade.disk.processes import keep_freed_memory
from pipelines.executors.base import attempt

__all__: list[str] = []


def _main(descriptor: int) -> None:
    # The parent decides when a job ends; and where signals come from, it gets them, too.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    connection: Connection[bytes, bytes] = Connection(descriptor)
    calls: SimpleQueue[bytes] = SimpleQueue()
    outcomes: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_receive, args=(connection, calls), daemon=True).start()

    keep_freed_memory()
    import cv2

    cv2.setNumThreads(1)
    connection.send_bytes(pickle.dumps(None))
    threading.Thread(target=_send, args=(connection, outcomes), daemon=True).start()
    while True:
        outcomes.put(_outcome(calls.get()))


def _receive(connection: Connection[bytes, bytes], calls: SimpleQueue[bytes]) -> None:
    """Receive for ever; end the process at once when the parent has closed or is gone.

    It would work on for minutes otherwise, in folders whose lock another run now takes for stale.
    """
    try:
        while True:
            calls.put(connection.recv_bytes())
    except (EOFError, OSError):
        os._exit(0)


def _send(connection: Connection[bytes, bytes], outcomes: SimpleQueue[bytes]) -> None:
    try:
        while True:
            connection.send_bytes(outcomes.get())
    except OSError:
        os._exit(0)


def _outcome(call: bytes) -> bytes:
    """Return a pickled TaskResult, or the exception that shows a bug."""
    outcome: Any
    try:
        # From the parent alone, through a pipe that nobody else has.
        function, index, task = pickle.loads(call)
        return pickle.dumps(attempt(function, index, task), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        error.add_note("in a worker process:\n" + traceback.format_exc())
        outcome = error
    try:
        pickle.loads(pickle.dumps(outcome))
    except Exception:
        outcome = RuntimeError("\n".join(traceback.format_exception(outcome)))
    return pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    _main(int(sys.argv[1]))
