"""Values read from JSON become structs, whose types say what each field may be.

Take them from ``json.loads``, not from msgspec's own parser: that one refuses half surrogates,
which names of any bytes may have.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, TypeVar

import msgspec

from degrade.errors import CorruptDataError, printable

__all__ = ["Text", "Whole", "read_struct", "refusal"]

Text = Annotated[str, msgspec.Meta(min_length=1)]
"""A text that is not empty."""

Whole = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""An integer from 0 on, as far as every reader of JSON holds integers exactly."""

_S = TypeVar("_S", bound=msgspec.Struct)
_LONGEST = 200


def read_struct(data: Any, kind: type[_S], what: str) -> _S:
    """Check the fields of an object from JSON against a struct's types, and return the struct.

    Parameters
    ----------
    data : object
        Of JSON's types.
    kind : subclass of msgspec.Struct
    what : str
        What ``data`` is, for people.

    Raises
    ------
    CorruptDataError
        ``data`` is no object, or a field is missing, unknown, or of another type or range; the
        text begins with ``what``.
    """
    try:
        struct = msgspec.convert(data, kind, strict=True)
    except (ValueError, RecursionError) as error:  # a ValidationError is a ValueError
        raise CorruptDataError(f"{what}: {refusal(error)}") from None
    for name in struct.__struct_fields__:
        if not _is_finite(getattr(struct, name)):
            raise CorruptDataError(f"{what}: {name!r} must be finite")
    return struct


def _is_finite(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def refusal(error: Exception) -> str:
    """Return what a parser of JSON or msgspec said, on one line of no great length."""
    text = printable(str(error))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
