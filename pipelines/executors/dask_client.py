"""The connection to a Dask scheduler: loaded late, silent, and never waited for without end."""

from __future__ import annotations

import contextlib
import logging
import threading
import warnings
from collections.abc import Iterator
from importlib import import_module
from queue import Empty, SimpleQueue
from typing import Any

from degrade.errors import DegradeError, MissingDependencyError, printable

__all__ = ["connected"]

_CONNECT = 15.0
"""Seconds in which a scheduler answers the first time: it may have been started just now."""


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """Yield a ``distributed.Client``; nothing of it remains afterwards.

    Raises
    ------
    DegradeError
        No scheduler answers.
    MissingDependencyError
        The package ``distributed`` is not installed here.
    """
    try:
        distributed = import_module("distributed")
    except ImportError:
        raise MissingDependencyError(
            "the Dask backend needs the package distributed; run: pip install 'degrade[dask]'"
        ) from None
    logger = logging.getLogger("distributed.client")
    level = logger.level
    # What it has to say of lost workers and connections is handled, and where it ends said, here.
    logger.setLevel(logging.CRITICAL)
    try:
        client = _open_client(distributed, address)
        try:
            yield client
        finally:
            with contextlib.suppress(OSError, AssertionError):  # the scheduler may be gone
                client.close(timeout=5)
    finally:
        logger.setLevel(level)


def _open_client(distributed: Any, address: str) -> Any:
    """Connect in a thread: a port where something else listens makes the library wait for ever."""
    answers: SimpleQueue[Any] = SimpleQueue()

    def connect() -> None:
        try:
            with warnings.catch_warnings(action="ignore"):  # versions are compared, and said, here
                answers.put(distributed.Client(address, timeout=_CONNECT, set_as_default=False))
        except Exception as error:
            answers.put(str(error))  # the error would keep half a client alive

    threading.Thread(target=connect, daemon=True).start()
    answer: Any = "nothing was heard"
    with contextlib.suppress(Empty):
        answer = answers.get(timeout=1.5 * _CONNECT)
    if isinstance(answer, str):
        raise DegradeError(
            f"no Dask scheduler answers at {printable(address)} ({answer}); check the address, and "
            "that it runs there: dask scheduler"
        )
    return answer
