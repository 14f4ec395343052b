"""Standard output and error whose terminal does not know every letter."""

from __future__ import annotations

import codecs
import io
import sys

__all__ = ["replace_unknown_letters"]

_PLAIN = {
    "×": "x",
    "…": "...",
    "–": "-",
    "—": "-",
    "→": "->",
    "≤": "<=",
    "≥": ">=",
    "±": "+-",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
}


def replace_unknown_letters() -> None:
    """Let standard output and error write a plain letter for one that they cannot encode.

    A letter without a plain one is escaped: its number stands behind a backslash.
    """
    codecs.register_error("degrade.plain", _plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="degrade.plain")
            if codecs.lookup(stream.encoding).name == "ascii":
                setattr(sys, name, _Ascii(stream))


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    plain = "".join(
        _PLAIN.get(letter) or letter.encode("ascii", "backslashreplace").decode()
        for letter in letters
    )
    return plain, error.end


class _Ascii(io.TextIOWrapper):
    """A stream of ASCII that click leaves alone: it takes ASCII for a mistake, and writes UTF-8."""

    encoding = "plain ascii"

    def __init__(self, stream: io.TextIOWrapper) -> None:
        line_buffering = stream.line_buffering
        super().__init__(stream.detach(), "ascii", "degrade.plain", line_buffering=line_buffering)
