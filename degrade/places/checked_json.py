"""JSON files that notice when a byte of theirs has changed, and that are read without trust."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from degrade.errors import CorruptDataError, InvalidValueError, shown

if TYPE_CHECKING:
    from degrade.places.place import Place

__all__ = ["Fields", "check_format", "encode_json", "naming_file", "read_json"]

_CHECKSUM_LINE = re.compile(rb'\{"checksum": "([0-9a-f]{64})",\n')


class Fields:
    """The fields of one JSON object, handed out by name once their type and range are checked.

    Every method raises CorruptDataError when the field is missing or is not what it asks for.
    """

    def __init__(self, data: Any, what: str) -> None:
        self.what = what
        if not isinstance(data, dict):
            raise CorruptDataError(f"{what} must be an object, got {shown(data)}")
        self._data = dict(data)

    def take(self, name: str) -> Any:
        """Remove a field and return its value as it is."""
        if name not in self._data:
            raise CorruptDataError(f"{self.what}: the field {name!r} is missing")
        return self._data.pop(name)

    def text(self, name: str) -> str:
        """Return a text that is not empty."""
        value = self.take(name)
        if not isinstance(value, str) or not value:
            self._refuse(name, "a text", value)
        return value

    def whole(self, name: str, minimum: int = 0) -> int:
        """Return an integer of at least ``minimum``."""
        value = self.take(name)
        if type(value) is not int or value < minimum:
            self._refuse(name, f"an integer of at least {minimum}", value)
        return value

    def list(self, name: str) -> list[Any]:
        """Return a list whose items are still to be checked."""
        value = self.take(name)
        if not isinstance(value, list):
            self._refuse(name, "a list", value)
        return value

    def shape(self, name: str) -> tuple[int, int, int]:
        """Return the shape of an RGB image."""
        value = self.take(name)
        if (
            not isinstance(value, list)
            or len(value) != 3
            or any(type(side) is not int or side < 1 for side in value)
            or value[2] != 3
        ):
            self._refuse(name, "[height, width, 3]", value)
        return (value[0], value[1], 3)

    def end(self) -> None:
        """Refuse fields that nobody asked for."""
        if self._data:
            raise CorruptDataError(f"{self.what}: unknown fields {shown(sorted(self._data))}")

    def _refuse(self, name: str, wanted: str, value: Any) -> NoReturn:
        raise CorruptDataError(f"{self.what}: {name!r} must be {wanted}, got {shown(value)}")


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


def read_json(place: Place, name: str, what: str) -> Fields:
    """Read a file that :func:`encode_json` made; the checksum is taken off.

    Raises
    ------
    CorruptDataError
        The file is missing, unreadable, leads out of the place, or is not as it was written.
    """
    data = place.read(name)
    with naming_file(place.shown(name)):
        found = _CHECKSUM_LINE.match(data)
        if found is None:
            raise CorruptDataError("does not begin with a checksum: not a file of this toolkit")
        if hashlib.sha256(memoryview(data)[found.end() :]).hexdigest() != found[1].decode():
            raise CorruptDataError("its bytes are not those that were written (checksum)")
        try:
            content = json.loads(data, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise CorruptDataError(f"not JSON ({error})") from None
        del content["checksum"]
        return Fields(content, what)


def check_format(given: Fields, name: str, version: int) -> None:
    """Refuse a file of another kind, or of a version that this code does not know."""
    found = Fields(given.take("format"), "format")
    if found.text("name") != name:
        raise CorruptDataError(f"not a file of the kind {name}")
    got = found.whole("version")
    if got != version:
        raise CorruptDataError(f"its format version is {got}, this program reads {version}")


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


@contextlib.contextmanager
def naming_file(shown: str) -> Iterator[None]:
    """Put the file's name before the text of a CorruptDataError."""
    try:
        yield
    except CorruptDataError as error:
        raise CorruptDataError(f"{shown}: {error}") from error
