"""Finding the compiled code, which need not be there."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
from typing import Any

import numpy as np

from degrade.errors import InvalidValueError, printable

__all__ = [
    "FORMS",
    "compiled_code",
    "compiled_form",
    "compiled_forms",
    "is_compiled",
    "pointer",
    "required_code",
]

_INTERFACE = 10
"""Raised here and in ``compiled.h`` when a function is added or takes other things: what was built
of an earlier version is then left alone."""

FORMS = ("plain", "avx2", "avx512")
"""What the code is compiled for, each for more of the processor than the one before: any one; AVX2
and FMA; AVX-512 with VNNI and VBMI. All give the same bits."""

SWITCH = "DEGRADE_COMPILED"
"""The environment variable that says 0 where the compiled code is to be left alone, or the name of
the last form that may be taken; 1, or nothing, stands for the best."""


@functools.cache
def compiled_forms() -> dict[str, ctypes.CDLL]:
    """Return the forms that were built and that this processor can run, the best one last.

    What was built of another version counts as not built.
    """
    plain = _load(FORMS[0])
    if plain is None:
        return {}
    others = {form: _load(form) for form in FORMS[1 : 1 + plain.degrade_best_form()]}
    return {FORMS[0]: plain} | {form: code for form, code in others.items() if code is not None}


def _load(form: str) -> ctypes.CDLL | None:
    found = importlib.util.find_spec(f"degrade.compiled._{form}")
    if found is None or found.origin is None:
        return None
    try:
        code = ctypes.CDLL(found.origin)
        return code if code.degrade_interface() == _INTERFACE else None
    except (OSError, AttributeError):  # built for another system, or of another version
        return None


@functools.cache
def compiled_form() -> str | None:
    """Return which form is used; None where none was built, or it is switched off.

    Raises
    ------
    InvalidValueError
        ``DEGRADE_COMPILED`` is none of 0, 1 and the forms' names.
    """
    most = os.environ.get(SWITCH)
    if most == "0":
        return None
    if most not in (None, "", "1", *FORMS):
        raise InvalidValueError(
            f"the environment variable {SWITCH} must be one of 0, {', '.join(FORMS)}, 1, "
            f"got {printable(most)!r:.80}; unset it for the best that this processor has"
        )
    allowed = FORMS[: FORMS.index(most) + 1] if most in FORMS else FORMS
    return next((form for form in reversed(allowed) if form in compiled_forms()), None)


def compiled_code() -> ctypes.CDLL | None:
    """Return the compiled functions, in the form that is used; None where there is none."""
    form = compiled_form()
    return None if form is None else compiled_forms()[form]


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
    return compiled_form() is not None
