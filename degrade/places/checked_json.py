"""JSON files that notice when a byte of theirs has changed, and that are read without trust."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from degrade.disk.structs import Text, Whole, read_struct, refusal
from degrade.errors import CorruptDataError, InvalidValueError

if TYPE_CHECKING:
    from degrade.places.place import Place

__all__ = ["encode_json", "is_checked_json", "naming_file", "read_json", "take_format"]

_CHECKSUM_LINE = re.compile(rb'\{"checksum": "([0-9a-f]{64})",\n')


class _Format(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Text
    version: Whole


def encode_json(payload: Mapping[str, Any]) -> bytes:
    """Return the file for ``payload``: sorted, ASCII, one item of each top-level list a line.

    The first line holds a SHA-256 of all that follows it.

    Raises
    ------
    InvalidValueError
        A value is none of JSON's (or is NaN or infinite).
    """
    try:
        lines = [f"{json.dumps(name)}: {_encode_value(payload[name])}" for name in sorted(payload)]
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidValueError(f"cannot be written as JSON: {error}") from None
    body = (",\n".join(lines) + "\n}\n").encode("ascii")
    return b'{"checksum": "%s",\n' % hashlib.sha256(body).hexdigest().encode() + body


def _encode_value(value: Any) -> str:
    if isinstance(value, (list, tuple)) and value:
        return "[\n" + ",\n".join(_dump(item) for item in value) + "\n]"
    return _dump(value)


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)


def read_json(place: Place, name: str, *, unique: bool = False) -> dict[str, Any]:
    """Read a file that :func:`encode_json` made; the checksum is taken off.

    Parameters
    ----------
    place : Place
    name : str
    unique : bool
        Refuse objects that have a key twice, of which others may read the first and we the last.
        Takes longer.

    Raises
    ------
    CorruptDataError
        The file is missing, unreadable, leads out of the place, or is not as it was written.
    """
    data = place.read(name)
    with naming_file(place.shown(name)):
        found = _CHECKSUM_LINE.match(data)
        if found is None:
            raise CorruptDataError(
                "does not begin with a checksum: not a file of this toolkit; "
                "give another, or restore it from a copy"
            )
        if hashlib.sha256(memoryview(data)[found.end() :]).hexdigest() != found[1].decode():
            raise CorruptDataError("its bytes are not those that were written (checksum)")
        try:
            content: dict[str, Any] = json.loads(
                data,
                parse_constant=_refuse_constant,
                object_pairs_hook=_refuse_twice if unique else None,
            )
        except (ValueError, RecursionError) as error:
            raise CorruptDataError(f"not JSON ({refusal(error)})") from None
        del content["checksum"]
        return content


def is_checked_json(place: Place, name: str) -> bool:
    """Tell whether a file begins as those of :func:`encode_json` do, damaged after that or not."""
    try:
        return _CHECKSUM_LINE.match(place.read(name)) is not None
    except CorruptDataError:
        return False


def take_format(content: dict[str, Any], name: str, version: int, *earlier: int) -> int:
    """Take ``format`` out of a file's content and return its version.

    Raises
    ------
    CorruptDataError
        The file is not of the kind ``name``, or neither of this ``version`` nor of one of the
        ``earlier`` ones that are still read.
    """
    found = read_struct(content.pop("format", None), _Format, "format")
    if found.name != name:
        raise CorruptDataError(f"not a file of the kind {name}")
    if found.version not in (version, *earlier):
        readable = " and ".join(map(str, sorted({*earlier, version})))
        raise CorruptDataError(
            f"its format version is {found.version}, this program reads {readable}"
        )
    return found.version


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


@contextlib.contextmanager
def naming_file(shown: str) -> Iterator[None]:
    """Put the file's name before the text of a CorruptDataError."""
    try:
        yield
    except CorruptDataError as error:
        raise CorruptDataError(f"{shown}: {error}") from error


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {name[:40]!r} stands twice")
        found[name] = value
    return found
