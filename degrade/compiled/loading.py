"""Finding the compiled code, which need not be there."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
from typing import Any

import numpy as np

__all__ = ["compiled_code", "is_compiled", "pointer", "required_code"]

_INTERFACE = 8
"""Raised here and in ``compiled.h`` when a function is added or takes other things: what was built
of an earlier version is then left alone."""

SWITCH = "DEGRADE_COMPILED"
"""The environment variable that says 0 where the compiled code is to be left alone."""


@functools.cache
def compiled_code() -> ctypes.CDLL | None:
    """Return the compiled functions; None where they were not built, or are switched off.

    What was built of another version counts as not built.
    """
    if os.environ.get(SWITCH) == "0":
        return None
    found = importlib.util.find_spec("degrade.compiled._code")
    if found is None or found.origin is None:
        return None
    try:
        code = ctypes.CDLL(found.origin)
        return code if code.degrade_interface() == _INTERFACE else None
    except (OSError, AttributeError):  # built for another system, or of another version
        return None


def required_code() -> ctypes.CDLL:
    """Return the compiled functions.

    Raises
    ------
    RuntimeError
        They are not there: the caller has not asked :func:`is_compiled`.
    """
    code = compiled_code()
    if code is None:
        raise RuntimeError("the compiled code is not there")
    return code


def pointer(data: Any) -> ctypes.c_void_p:
    """Return where the bytes of an array or buffer lie; whoever calls keeps it alive."""
    return ctypes.c_void_p(np.asarray(data).ctypes.data)


def is_compiled() -> bool:
    """Return whether the compiled code is used."""
    return compiled_code() is not None
