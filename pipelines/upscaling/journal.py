"""What earlier runs of ``degrade upscale`` have written into a folder, so that it is not redone."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from degrade.disk.files import read_file

__all__ = ["JOURNAL_NAME", "Journal", "JournalEntry"]

JOURNAL_NAME = "upscale.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One enlarged photo.

    Attributes
    ----------
    result : str
        Its file, relative to the folder.
    sha256 : str
        Of the result.
    source_sha256 : str
        Of the photo.
    settings : mapping
        All that decides on its pixels.
    """

    result: str
    sha256: str
    source_sha256: str
    settings: Mapping[str, Any] = field(hash=False)


class Journal:
    """The entries of a folder, the newest of each result and content; a file that only grows.

    Parameters
    ----------
    folder : Path
        Need not exist, nor hold a journal. Lines that are cut or damaged are passed over: what
        they spoke of is taken for somebody else's file, and never replaced unasked.

    Raises
    ------
    InputError
        The file is there and cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / JOURNAL_NAME
        self._entries: dict[str, dict[str, JournalEntry]] = {}
        content = read_file(self._path) if os.path.lexists(self._path) else b""
        self._cut = bool(content) and not content.endswith(b"\n")
        for line in content.splitlines():
            entry = _parse(line)
            if entry is not None:
                self._remember(entry)

    def knows(self, result: str) -> bool:
        """Tell whether a run has written, or was about to write, a result of this name."""
        return result in self._entries

    def get(self, result: str, sha256: str) -> JournalEntry | None:
        """Return what is known of a result with this content.

        An entry is written before its file is there. A run that was killed between has left the
        result before it, whose entry counts still.
        """
        return self._entries.get(result, {}).get(sha256)

    def _remember(self, entry: JournalEntry) -> None:
        self._entries.setdefault(entry.result, {})[entry.sha256] = entry

    def add(self, entry: JournalEntry) -> None:
        """Write an entry to the disk.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        line = json.dumps(asdict(entry), sort_keys=True).encode("ascii")
        # A link of that name would lead elsewhere.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        with os.fdopen(os.open(self._path, flags, 0o666), "ab") as file:
            file.write(b"\n" * self._cut + line + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self._cut = False
        self._remember(entry)


def _parse(line: bytes) -> JournalEntry | None:
    try:
        entry = JournalEntry(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (entry.result, entry.sha256, entry.source_sha256)
    sound = all(isinstance(text, str) for text in texts) and isinstance(entry.settings, dict)
    return entry if sound else None
