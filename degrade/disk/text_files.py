"""Reading text files that people edit, whatever editor and system they did it with."""

from __future__ import annotations

import codecs
from pathlib import Path

from degrade.disk.files import read_file
from degrade.errors import InputError

__all__ = ["read_text"]

_MARKS = (
    # UTF-32's begins as UTF-16's does.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_REMEDY = "save it as UTF-8 text"


def read_text(path: Path) -> str:
    r"""Return a file's text with ``\n`` at the ends of its lines.

    Windows' and old Macs' line ends become ``\n``, and the mark with which Windows' editors begin a
    file (UTF-8's, UTF-16's, UTF-32's) is passed over. Without a mark it is UTF-8.

    Raises
    ------
    InputError
        The file cannot be read, or is no text; names the line.
    """
    data = read_file(path)
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        reason = f"line {line}: NUL bytes: not text, or UTF-16 without its mark"
        raise InputError(path, reason, _REMEDY)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        reason = f"line {line}: not {encoding} text ({error.reason})"
        raise InputError(path, reason, _REMEDY) from None
    # Editors of DOS end a file with Ctrl-Z.
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\x1a")
