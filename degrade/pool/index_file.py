"""``index.jsonl``: one record a line, each with a CRC; appended to, never rewritten.

A line is a JSON object whose first field is the CRC-32 of everything after that field. What
follows the last newline is a line that a killed writer did not finish: readers pass over it and
the next writer cuts it. A finished line that does not fit its CRC is damage and is said to be.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from degrade.errors import CorruptDataError, DegradeError, InputError, printable
from degrade.files import fsync_folder, read_file
from degrade.pool.records import Record, record_from_json, record_to_json

__all__ = ["IndexWriter", "encode_line", "open_index_writer", "read_index"]

_CRC_FIELD = b'{"crc32": "%08x", '
_CRC_LENGTH = len(_CRC_FIELD % 0)


def encode_line(record: Record) -> bytes:
    """Return the line that holds a record."""
    body = json.dumps(record_to_json(record), sort_keys=True, allow_nan=False)[1:].encode("ascii")
    return _CRC_FIELD % zlib.crc32(body) + body + b"\n"


def read_index(path: Path) -> tuple[list[Record], int]:
    """Return all records, and how many bytes the finished lines take; a missing file has none.

    Raises
    ------
    CorruptDataError
        A line is damaged or holds something that is no record; the text names it.
    """
    if not path.exists():
        return [], 0
    try:
        data = read_file(path)
    except InputError as error:
        raise DegradeError(str(error)) from None
    end = data.rfind(b"\n") + 1
    lines = data[:end].split(b"\n")[:-1]
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(_decode_line(line))
        except CorruptDataError as error:
            raise CorruptDataError(f"{printable(path)}, line {number}: {error}") from None
    return records, end


def _decode_line(line: bytes) -> Record:
    body = line[_CRC_LENGTH:]
    if line[:_CRC_LENGTH] != _CRC_FIELD % zlib.crc32(body):
        raise CorruptDataError(
            "damaged (its checksum does not fit); "
            "restore the file, or delete that line to go on without its entry"
        )
    try:
        return record_from_json(json.loads("{" + body.decode("ascii")))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CorruptDataError(f"not a pool entry ({printable(str(error))})") from None


class IndexWriter:
    """Appends records; each is on disk when :meth:`append` returns."""

    def __init__(self, path: Path, descriptor: int, length: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._length = length

    def append(self, record: Record) -> None:
        """Write one line, whole or not at all.

        Raises
        ------
        DegradeError
            The disk is full or fails; the file is as it was before.
        """
        line = encode_line(record)
        try:
            written = os.write(self._descriptor, line)
            if written != len(line):
                raise OSError(f"only {written} of {len(line)} bytes were written: disk full?")
            os.fsync(self._descriptor)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._length)
            reason = error.strerror or str(error)
            raise DegradeError(f"{printable(self._path)}: cannot be written ({reason})") from error
        self._length += len(line)


@contextlib.contextmanager
def open_index_writer(path: Path, length: int) -> Iterator[IndexWriter]:
    """Open the index for appending after its first ``length`` bytes; what follows them is cut."""
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        raise DegradeError(f"{printable(path)}: cannot be written ({error.strerror})") from None
    try:
        os.ftruncate(descriptor, length)
        fsync_folder(path.parent)
        yield IndexWriter(path, descriptor, length)
    finally:
        os.close(descriptor)
