from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.errors import CorruptDataError, DegradeError, InvalidValueError
from degrade.pairs import LocalPlace
from degrade.places.checked_json import encode_json, read_json, take_format

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def sealed(body: str, encoding: str = "ascii") -> bytes:
    """Return a file with a checksum that is right for a body of one's own."""
    text = body.encode(encoding)
    return b'{"checksum": "%s",\n' % hashlib.sha256(text).hexdigest().encode() + text


@settings(max_examples=40)
@given(st.dictionaries(st.text().filter(lambda name: name != "checksum"), json_values, min_size=1))
def test_encode_json_is_read_back(tmp_path_factory: Any, payload: dict[str, Any]) -> None:
    folder = tmp_path_factory.getbasetemp()
    content = encode_json(payload)
    assert content == encode_json(dict(reversed(payload.items())))
    content.decode("ascii")
    (folder / "a.json").write_bytes(content)
    assert read_json(LocalPlace(folder), "a.json") == payload
    # It is JSON to everybody else too.
    assert json.loads(content).keys() == payload.keys() | {"checksum"}


def test_encode_json_has_one_item_of_a_list_a_line() -> None:
    lines = encode_json({"b": [{"x": 1}, {"x": 2}], "a": 3}).decode().splitlines()
    assert lines[1:] == ['"a": 3,', '"b": [', '{"x": 1},', '{"x": 2}', "]", "}"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Path("a"), {1, 2}, b"x"])
def test_encode_json_refuses_what_is_not_json(value: object) -> None:
    with pytest.raises(InvalidValueError, match="as JSON"):
        encode_json({"a": value})


def test_read_json_sees_every_flipped_byte(tmp_path: Path) -> None:
    content = encode_json({"a": 3, "b": ["text", None]})
    for i in range(len(content)):
        damaged = bytearray(content)
        damaged[i] ^= 1
        (tmp_path / "a.json").write_bytes(damaged)
        with pytest.raises(CorruptDataError, match=r"a\.json"):
            read_json(LocalPlace(tmp_path), "a.json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\x89HDF",
        sealed('"a": NaN}'),
        sealed('"a": Infinity}'),
        sealed('"a": '),
        sealed('"a": ' + "[" * 100_000 + "]" * 100_000 + "}"),
        sealed('"a": ' + "9" * 10_000 + "}"),
        sealed('"a": "\xff"}', "latin-1"),
    ],
    ids=["empty", "no checksum", "binary", "nan", "infinity", "cut", "deep", "long", "not utf-8"],
)
def test_read_json_refuses_what_is_no_such_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(CorruptDataError, match=r"a\.json: ") as caught:
        read_json(LocalPlace(tmp_path), "a.json")
    assert "\n" not in str(caught.value)


def test_read_json_reads_only_regular_files_inside(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "a.json").write_bytes(encode_json({"a": 1}))
    os.mkfifo(folder / "fifo")
    (folder / "link").symlink_to(tmp_path / "a.json")
    (folder / "loop").symlink_to("loop")
    for name in ("../a.json", str(tmp_path / "a.json"), "link", "fifo", "missing", "loop"):
        with pytest.raises(DegradeError):
            read_json(LocalPlace(folder), name)


def test_take_format_leaves_the_rest() -> None:
    content = {"format": {"name": "it", "version": 2}, "a": 1}
    take_format(content, "it", 2)
    assert content == {"a": 1}


def test_take_format_takes_earlier_versions_that_are_named() -> None:
    for version in (1, 3):
        take_format({"format": {"name": "it", "version": version}}, "it", 3, 1)
    with pytest.raises(CorruptDataError, match="version is 2, this program reads 1 and 3"):
        take_format({"format": {"name": "it", "version": 2}}, "it", 3, 1)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (None, "format: .*table of keys"),
        ("it", "format: .*table of keys"),
        ({"name": "it"}, "format: .*version"),
        ({"name": "it", "version": True}, "format: .*version"),
        ({"name": "it", "version": 2.0}, "format: .*version"),
        ({"name": "it", "version": 2, "more": 0}, "format: .*more"),
        ({"name": "other", "version": 2}, "not a file of the kind it"),
        ({"name": "it", "version": 3}, "version is 3, this program reads 2"),
    ],
)
def test_take_format_refuses_other_kinds_and_versions(found: object, said: str) -> None:
    with pytest.raises(CorruptDataError, match=said):
        take_format({"format": found}, "it", 2)
    with pytest.raises(CorruptDataError, match="format: "):
        take_format({}, "it", 2)
