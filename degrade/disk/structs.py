"""Values read from JSON become structs, whose types say what each field may be.

Take them from ``json.loads``, not from msgspec's own parser: that one refuses half surrogates,
which names of any bytes may have.
"""

from __future__ import annotations

import json
import math
import os
import re
import threading
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from degrade.errors import CorruptDataError, line_of

__all__ = ["Text", "Whole", "parse_struct", "read_struct", "ready", "refusal"]

Text = Annotated[str, msgspec.Meta(min_length=1)]
"""A text that is not empty."""

Whole = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""An integer from 0 on, as far as every reader of JSON holds integers exactly."""

_S = TypeVar("_S", bound=msgspec.Struct)
_Kind = TypeVar("_Kind")
_LONGEST = 200

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

# What msgspec says: names of types and of fields stand in backquotes, and so do keys of the file,
# which may hold anything. A place is the last that is said.
_AT = r"(?: - at (?P<key>\x60key\x60 in )?`\$\.?(?P<at>[^`]*)`)?"
_EXPECTED = re.compile(rf"Expected `(?P<types>[^`]+)`(?P<bound>.*?)(?:, got (?P<got>\S+))?{_AT}")
_OTHER_WORD = re.compile(rf"Invalid enum value (?P<got>.+?){_AT}")
_UNKNOWN = re.compile(rf"Object contains unknown field `(?P<name>.*?)`{_AT}")
_MISSING = re.compile(rf"Object missing required field `(?P<name>.*?)`{_AT}")

_BOUNDS = (
    (re.compile(r" of (?:length >=|at least length) (\d+)"), r" of at least \1"),
    (re.compile(r" of (?:length <=|at most length) (\d+)"), r" of at most \1"),
    (re.compile(r" of length (\d+(?: to \d+)?)"), r" of \1"),
    (re.compile(r" that's a multiple of (\d+)"), r" that is a multiple of \1"),
    (re.compile(r" >= (\S+?)(?:\.0)?"), r" of at least \1"),
    (re.compile(r" <= (\S+?)(?:\.0)?"), r" of at most \1"),
    (re.compile(r" > (\S+?)(?:\.0)?"), r" above \1"),
    (re.compile(r" < (\S+?)(?:\.0)?"), r" below \1"),
    (re.compile(r" matching regex '\^\[0-9a-f\]\{(\d+)\}\$'"), r" of \1 digits from 0-9 and a-f"),
    (re.compile(r" matching regex '\^\(0\|\[1-9\]\S*"), " that is a whole number"),
    (re.compile(r" matching regex (.+)"), r" of the form \1"),
)
"""What msgspec says of a value's size, and what people say."""


_READY: set[object] = set()
_LOOKING = threading.Lock()
# A process that is forked meanwhile would have half of the types for good.
os.register_at_fork(
    before=_LOOKING.acquire,
    after_in_parent=_LOOKING.release,
    after_in_child=_LOOKING.release,
)


def ready(kind: _Kind) -> _Kind:
    """Return what is to be read, a struct or a union of them, once msgspec knows its types.

    msgspec looks at a struct's types when it first reads one. Another thread that reads the same
    struct meanwhile finds half of them, and the process dies of SIGSEGV (0.22). So everything that
    msgspec reads is made ready here first, by one thread at a time.
    """
    if kind not in _READY:
        with _LOOKING:
            msgspec.json.Decoder(kind)
            _READY.add(kind)
    return kind


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
        struct = msgspec.convert(data, ready(kind), strict=True)
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
    said = line_of(str(error))
    if isinstance(error, msgspec.ValidationError):
        said = _in_plain_words(said, kind)
    said = said.replace("`", "'")  # backquotes would mark settings
    return said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"


def _in_plain_words(said: str, kind: type[msgspec.Struct] | None) -> str:
    """Return what msgspec said in other words; what it repeats of the file stays as it is."""
    if match := _EXPECTED.fullmatch(said):
        got = f", got {_called(match['got'].strip('`'))}" if match["got"] else ""
        name = f"a key of {match['at']}".removesuffix(" of ") if match["key"] else match["at"]
        return f"{name or ''} must be {_bounded(match['types'], match['bound'])}{got}".lstrip()
    if match := _OTHER_WORD.fullmatch(said):
        words = _words(kind, match["at"]) if kind is not None and match["at"] else []
        wanted = f"be {' or '.join(words)}, got" if words else "not be"
        return f"{match['at'] or ''} must {wanted} {match['got']}".lstrip()
    if match := _UNKNOWN.fullmatch(said):
        return f"unknown key '{match['name']}'" + _inside(match)
    if match := _MISSING.fullmatch(said):
        return f"the key '{match['name']}' is missing" + _inside(match)
    return said


def _inside(match: re.Match[str]) -> str:
    return f", in {match['at']}" if match["at"] else ""


def _called(types: str) -> str:
    return " or ".join(_TYPES.get(each, each) for each in types.split(" | "))


def _bounded(types: str, bound: str) -> str:
    for phrase, words in _BOUNDS:
        if match := phrase.fullmatch(bound):
            bound = match.expand(words)
            break
    if types == "object" and bound:
        return f"a table{bound} key{'s' * (not bound.endswith(' 1'))}"
    return _called(types) + bound


def _words(kind: type[msgspec.Struct], path: str) -> list[str]:
    """Return the words that a field may be; none where it is not one of the struct's own."""
    hint = get_type_hints(kind).get(path)
    literals = [part for part in (hint, *get_args(hint)) if get_origin(part) is Literal]
    return [str(word) for part in literals for word in get_args(part)]
