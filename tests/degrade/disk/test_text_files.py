"""Text of any editor is read; what is no text is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.disk.text_files import read_text
from degrade.errors import InputError


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "\x1a"])
def test_read_text_of_any_editor(tmp_path: Path, encoding: str, end: str, last: str) -> None:
    (tmp_path / "a").write_bytes(f"é{end}{end}\u2028b{end}{last}".encode(encoding))
    assert read_text(tmp_path / "a") == "é\n\n\u2028b\n"


@pytest.mark.parametrize("mark", [b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b""])
def test_read_text_of_nothing_is_empty(tmp_path: Path, mark: bytes) -> None:
    (tmp_path / "a").write_bytes(mark)
    assert read_text(tmp_path / "a") == ""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a\nb\n\xe9t\xe9", "line 3: not utf-8 text"),
        (b"\xff\xfea\0b", "line 1: not utf-16 text"),
        ("a\nb".encode("utf-16-le"), "line 1: NUL bytes"),
        ("a\nb".encode("utf-16-be"), "UTF-16 without its mark; save it as UTF-8"),
        (b"\x89PNG\r\n", "line 1: not utf-8 text"),
    ],
)
def test_read_text_refuses_what_is_none(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_text(tmp_path / "a")
    assert reason in str(caught.value)


@given(st.binary(max_size=60))
def test_read_text_of_anything_is_text_or_named(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("t") / "a"
    path.write_bytes(data)
    try:
        assert "\r" not in read_text(path)
    except InputError as error:
        assert error.path == str(path)
