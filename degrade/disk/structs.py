"""Values read from JSON become structs, whose types say what each field may be.

Take them from ``json.loads``, not from msgspec's own parser: that one refuses half surrogates,
which names of any bytes may have.
"""

from __future__ import annotations

import json
import math
import re
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from degrade.errors import CorruptDataError, line_of

__all__ = ["Text", "Whole", "parse_struct", "read_struct", "refusal"]

Text = Annotated[str, msgspec.Meta(min_length=1)]
"""A text that is not empty."""

Whole = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""An integer from 0 on, as far as every reader of JSON holds integers exactly."""

_S = TypeVar("_S", bound=msgspec.Struct)
_LONGEST = 200

# What msgspec says, its backquotes made quotes: here they would mark settings.
_EXPECTED = re.compile(r"Expected (.+) - at '\$\.(.+)'")
_TYPES = {
    "object": "a table of keys",
    "array": "a list",
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}
"""What people call msgspec's types, in files of JSON and of TOML."""

_TYPE = re.compile(rf"'((?:{'|'.join(_TYPES)})(?: \| (?:{'|'.join(_TYPES)}))*)'")
_PHRASES = (
    (re.compile(r"^Expected "), "must be "),
    (re.compile(r"(a text|a list) of length <= (\d+)"), r"\1 of at most \2"),
    (re.compile(r"(a text|a list) of length >= (\d+)"), r"\1 of at least \2"),
    (re.compile(r"(a text|a list) of length "), r"\1 of "),
    (re.compile(r"(number) >= "), r"\1 of at least "),
    (re.compile(r"(number) <= "), r"\1 of at most "),
    (re.compile(r"(number) > "), r"\1 above "),
    (re.compile(r"(number) < "), r"\1 below "),
    (re.compile(r"^Object missing required field ('.*?')"), r"the key \1 is missing"),
    (re.compile(r"^Object contains unknown field "), "unknown key "),
    (re.compile(r" - at '\$\.(.+)'$"), r", in \1"),
    (re.compile(r"(\d)\.0\b"), r"\1"),
)
"""Msgspec's English, and that of people who write no programs."""

_OTHER_WORD = re.compile(r"Invalid enum value (.+) - at '\$\.(\w+)'")


def parse_struct(data: bytes, kind: type[_S], what: str) -> _S:
    """Return the struct that a file of JSON holds.

    Parameters
    ----------
    data : bytes
        The file's content.
    kind, what
        As for :func:`read_struct`.

    Raises
    ------
    CorruptDataError
        ``data`` is no JSON, is nested deeper than can be read, or is not as :func:`read_struct`
        wants it.
    """
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptDataError(f"{what}: not JSON ({refusal(error)})") from None
    return read_struct(content, kind, what)


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
        raise CorruptDataError(f"{what}: {refusal(error, kind)}") from None
    for name in struct.__struct_fields__:
        if not _is_finite(getattr(struct, name)):
            raise CorruptDataError(f"{what}: {name!r} must be finite")
    return struct


def _is_finite(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def refusal(error: Exception, kind: type[msgspec.Struct] | None = None) -> str:
    """Return what a parser of JSON or msgspec said: one line of no great length, the field first.

    Parameters
    ----------
    error : Exception
    kind : subclass of msgspec.Struct or None
        What was to be read: its fields say which words they may be.
    """
    said = line_of(str(error)).replace("`", "'")
    text = _EXPECTED.sub(r"\2 must be \1", said)
    other_word = _OTHER_WORD.fullmatch(text)
    if other_word and kind is not None:
        got, name = other_word.groups()
        text = f"{name} must be {' or '.join(_words(kind, name))}, got {got}"
    text = _TYPE.sub(_called, text)
    for phrase, words in _PHRASES:
        text = phrase.sub(words, text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _called(types: re.Match[str]) -> str:
    return " or ".join(_TYPES[each] for each in types[1].split(" | "))


def _words(kind: type[msgspec.Struct], name: str) -> list[str]:
    hint = get_type_hints(kind)[name]
    literals = [part for part in (hint, *get_args(hint)) if get_origin(part) is Literal]
    return [str(word) for part in literals for word in get_args(part)]
