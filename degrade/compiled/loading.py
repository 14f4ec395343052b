"""Finding the compiled code, which need not be there."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os

__all__ = ["compiled_code", "is_compiled"]

SWITCH = "DEGRADE_COMPILED"
"""The environment variable that says 0 where the compiled code is to be left alone."""


@functools.cache
def compiled_code() -> ctypes.CDLL | None:
    """Return the compiled functions; None where they were not built, or are switched off."""
    if os.environ.get(SWITCH) == "0":
        return None
    try:
        found = importlib.util.find_spec("degrade.compiled._code")
        return ctypes.CDLL(found.origin) if found is not None and found.origin else None
    except OSError:  # built for another system
        return None


def is_compiled() -> bool:
    """Return whether the compiled code is used."""
    return compiled_code() is not None
