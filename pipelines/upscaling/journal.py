"""What earlier runs of ``degrade upscale`` have written into a folder, so that it is not redone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from degrade.disk.journal import Journal
from degrade.disk.structs import read_struct
from degrade.errors import CorruptDataError

__all__ = ["JOURNAL_NAME", "JournalEntry", "ResultJournal"]

JOURNAL_NAME = "upscale.jsonl"


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
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
    settings: dict[str, Any]


class ResultJournal:
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
        self._lines = Journal(folder / JOURNAL_NAME, durable=True)
        self._entries: dict[str, dict[str, JournalEntry]] = {}
        for record in self._lines.read():
            entry = _parse(record)
            if entry is not None:
                self._remember(entry)

    def require_own(self) -> None:
        """Refuse a file that no run has written.

        Raises
        ------
        DegradeError
            It is another program's, or a link.
        """
        self._lines.require_own(lambda record: _parse(record) is not None)

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
        with self._lines as lines:
            lines.append(dict(sorted(msgspec.structs.asdict(entry).items())))
        self._remember(entry)


def _parse(record: Any) -> JournalEntry | None:
    try:
        return read_struct(record, JournalEntry, "an entry")
    except CorruptDataError:
        return None
