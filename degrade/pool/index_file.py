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
from collections.abc import Iterator, Sequence
from pathlib import Path

from degrade.disk.files import fsync_folder, read_file, unshare
from degrade.disk.structs import refusal
from degrade.errors import CorruptDataError, DegradeError, InputError, printable, write_failure
from degrade.pool.records import Record, record_from_json, record_to_json

__all__ = ["IndexWriter", "encode_line", "open_index_writer", "read_index"]

_CRC_FIELD = b'{"crc32": "%08x", '
_CRC_LENGTH = len(_CRC_FIELD % 0)


def encode_line(record: Record) -> bytes:
    """Return the line that holds a record."""
    body = json.dumps(record_to_json(record), sort_keys=True, allow_nan=False)[1:].encode("ascii")
    return _CRC_FIELD % zlib.crc32(body) + body + b"\n"


_REMEDY = "restore the file, or delete that line to go on without its entry"


def read_index(path: Path, until: int | None = None) -> tuple[list[Record], int]:
    """Return all records, and how many bytes the finished lines take; a missing file has none.

    Parameters
    ----------
    path : Path
    until : int or None
        Pass over what was appended after this many bytes; they must end with a finished line.

    Raises
    ------
    CorruptDataError
        A line is damaged or holds something that is no record, the text names it; or no line
        ends at ``until``.
    """
    data = _read_bytes(path)
    if until is not None:
        if len(data) < until or (until and data[until - 1 : until] != b"\n"):
            raise CorruptDataError(
                f"{printable(path)}: no line ends at byte {until} of {len(data)}; "
                "the index was cut or replaced: restore it, or begin the run anew"
            )
        data = data[:until]
    end = data.rfind(b"\n") + 1
    lines = data[:end].split(b"\n")[:-1]
    records = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(_decode_line(line))
        except CorruptDataError as error:
            raise CorruptDataError(f"{printable(path)}, line {number}: {error}") from None
    return records, end


def _read_bytes(path: Path) -> bytes:
    if not path.exists():
        return b""
    try:
        return read_file(path)
    except InputError as error:
        raise DegradeError(str(error)) from None


def _decode_line(line: bytes) -> Record:
    body = line[_CRC_LENGTH:]
    if line[:_CRC_LENGTH] != _CRC_FIELD % zlib.crc32(body):
        raise CorruptDataError(f"damaged (its checksum does not fit); {_REMEDY}")
    try:
        return record_from_json(json.loads("{" + body.decode("ascii")))
    except (ValueError, RecursionError) as error:
        raise CorruptDataError(f"not a pool entry ({refusal(error)}); {_REMEDY}") from None


class IndexWriter:
    """Appends records; each is on disk when :meth:`append` returns.

    Attributes
    ----------
    length : int
        Bytes of the file so far.
    """

    def __init__(self, path: Path, descriptor: int, length: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self.length = length

    def append(self, records: Sequence[Record]) -> None:
        """Write one line for each record: all of them, or none.

        Raises
        ------
        DegradeError
            The disk is full or fails; the file is as it was before.
        """
        lines = b"".join(map(encode_line, records))
        if not lines:
            return
        left = memoryview(lines)
        try:
            while left:  # a disk that is nearly full takes a part, and says why only then
                left = left[os.write(self._descriptor, left) :]
            os.fsync(self._descriptor)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.length)
            raise DegradeError(write_failure(self._path, len(lines), error)) from error
        self.length += len(lines)


@contextlib.contextmanager
def open_index_writer(path: Path, length: int) -> Iterator[IndexWriter]:
    """Open the index for appending after its first ``length`` bytes; what follows them is cut.

    Raises
    ------
    DegradeError
        The disk is full, fails or may not be written.
    """
    with contextlib.ExitStack() as opened:
        unshare(path)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
            descriptor = os.open(path, flags, 0o666)
            opened.callback(os.close, descriptor)
            os.ftruncate(descriptor, length)
            fsync_folder(path.parent)
        except OSError as error:
            raise DegradeError(write_failure(path, 0, error)) from error
        yield IndexWriter(path, descriptor, length)
