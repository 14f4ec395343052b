"""Files of JSON, a record a line, that only grow: what a run has done, kept as it is done."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from degrade.disk.files import fsync_folder, read_file, unshare, write_atomically
from degrade.errors import DegradeError, printable

__all__ = ["Journal"]


class Journal:
    """A file of JSON lines.

    Each line is handed to the system as a whole. A writer that is killed leaves at most one cut
    line, the last; readers pass over it, and the next writer begins a line of its own after it.
    A context manager while it is written.

    Parameters
    ----------
    path : Path
        Made when missing, else gone on with. A symbolic link is not followed, since it would lead
        out of the folder that is written to; a file with other names is copied first.
    durable : bool
        Whether each line is on the disk itself, after a power cut, too, when :meth:`append`
        returns. Otherwise it is in the hands of the system, which outlives the process.
    """

    def __init__(self, path: Path, *, durable: bool = False) -> None:
        self.path = path
        self._durable = durable
        self._descriptor: int | None = None

    def __enter__(self) -> Journal:
        self.open()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def open(self) -> None:
        """Open the file for appending.

        Raises
        ------
        OSError
            It cannot be written, or is a symbolic link.
        """
        unshare(self.path)
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        self._descriptor = os.open(self.path, flags, 0o666)
        size = os.fstat(self._descriptor).st_size
        if self._durable and not size:  # else a power cut may take the file with all its lines
            fsync_folder(self.path.parent)
        if size and os.pread(self._descriptor, 1, size - 1) != b"\n":
            self._write(b"\n")

    def close(self) -> None:
        """Close the file; nothing happens where it is not open."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def append(self, record: Mapping[str, Any]) -> None:
        """Write a record.

        Parameters
        ----------
        record : mapping
            Of JSON's types; its order is kept.

        Raises
        ------
        OSError
            The file cannot be written.
        ValueError
            The journal is not open, or a number is not finite, which JSON does not have.
        """
        self._write(json.dumps(record, allow_nan=False).encode("ascii") + b"\n")

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            raise ValueError("the journal is not open; use it in a with statement")
        while data:
            data = data[os.write(self._descriptor, data) :]
        if self._durable:
            os.fsync(self._descriptor)

    def read(self) -> list[Any]:
        """Return the records, oldest first; none where there is no file.

        Lines that are no JSON are passed over. What a record must hold is for the caller to check.

        Raises
        ------
        InputError
            The file is there and cannot be read.
        """
        return [record for _, record in self._lines()]

    def require_own(self, is_own: Callable[[Any], bool]) -> None:
        """Refuse to go on with a file that is no such journal: it would not be a person's any more.

        Parameters
        ----------
        is_own : callable
            Tells of a record whether a writer of this journal has written it.

        Raises
        ------
        DegradeError
            It is no file, a link, or holds whole lines and none of them is such a record.
        """
        if not os.path.lexists(self.path):
            return
        foreign = self.path.is_symlink() or not self.path.is_file()
        if not foreign:
            content = read_file(self.path)
            cut = b"\n" not in content and content.startswith(b'{"'[: len(content)])
            foreign = not cut and not any(is_own(record) for _, record in self._lines())
        if foreign:
            raise DegradeError(
                f"{printable(self.path)} is there and was not written by this command; "
                "move it away, or choose another folder"
            )

    def keep(self, wanted: Callable[[Any], bool]) -> None:
        """Drop the records that are not wanted, and the lines that are none; all at once.

        Raises
        ------
        DegradeError
            The file cannot be read or written.
        """
        if os.path.lexists(self.path):
            kept = [line + b"\n" for line, record in self._lines() if wanted(record)]
            write_atomically(self.path, b"".join(kept))

    def _lines(self) -> Iterator[tuple[bytes, Any]]:
        content = read_file(self.path) if os.path.lexists(self.path) else b""
        for line in content.splitlines():
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            yield line, record
