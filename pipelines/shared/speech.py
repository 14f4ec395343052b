"""How settings are called in what people read: by themselves, or as the options of a command."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar

__all__ = ["said", "speaking"]

_SAY: ContextVar[Callable[[str], str]] = ContextVar("_SAY", default=str)


@contextlib.contextmanager
def speaking(say: Callable[[str], str]) -> Iterator[None]:
    """Let the texts that are written for people in this block go through ``say``."""
    token = _SAY.set(say)
    try:
        yield
    finally:
        _SAY.reset(token)


def said(text: str) -> str:
    """Return a text as people are to read it."""
    return _SAY.get()(text)
