"""Where the values of an LMDB file lie, found without the LMDB library.

The library maps the file and follows what its pages say: of 150 single bits flipped in its tree
pages two ended the process with SIGBUS, which no caller can turn into an error. It also refuses
to open one file twice in a process, and its handles do not survive a fork. The layout has been
frozen since 2012 (data version 1) and is small, so it is read here with every offset checked;
the values are then plain ranges of the file.

References
----------
LMDB 0.9, ``mdb.c``: structures MDB_meta, MDB_db, MDB_page, MDB_node. Only what BasicSR's layout
needs: one unnamed database without duplicates, 64-bit little-endian.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from degrade.disk.files import open_regular
from degrade.errors import CorruptDataError, InputError

__all__ = ["LmdbFile"]

_MAGIC, _DATA_VERSION = 0xBEEFC0DE, 1
_BRANCH, _LEAF, _OVERFLOW = 1, 2, 4
_BIG_VALUE = 1
_NO_PAGE = 2**64 - 1
_MAX_DEPTH = 32

_PAGE = struct.Struct("<QHHHH")  # number, pad, flags, end of the pointers, start of the nodes
_OVERFLOW_PAGE = struct.Struct("<QHHI")  # number, pad, flags, count of pages
_NODE = struct.Struct("<HHHH")  # low and high half of a number, flags or its top, key size
# magic, version, page size, the tree's flags, entries and root page, transaction
_META = struct.Struct("<II16xI44x4xH26xQQ8xQ")


@dataclass(frozen=True, slots=True)
class _ValueRange:
    """A value's range in the file; ``page`` is its overflow page, None inside a leaf."""

    offset: int
    size: int
    page: int | None


class LmdbFile:
    """The values of one ``data.mdb``, by key in ascending order.

    Parameters
    ----------
    path : Path
        The ``data.mdb``.

    Raises
    ------
    CorruptDataError
        The tree is damaged, or not of the kind that BasicSR's layout has; or there is no regular
        file that can be opened.
    OSError
        The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = open_regular(path)
        except InputError as error:
            raise CorruptDataError(error.reason) from None
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            self._page_size = self._read_page_size()
            entries, root = max(self._read_meta(0), self._read_meta(1))[1:]
            self._pages_left = self._size // self._page_size
            self._ranges = dict(self._walk(root, 1)) if root != _NO_PAGE else {}
            if len(self._ranges) != entries:
                raise CorruptDataError(f"{len(self._ranges)} of {entries} values are found")
        except BaseException:
            self._file.close()
            raise

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The keys in the file's order."""
        return tuple(self._ranges)

    @property
    def descriptor(self) -> int:
        """The open file, for reading what :meth:`find` finds."""
        return self._file.fileno()

    def find(self, key: bytes) -> tuple[int, int]:
        """Return where a key's value begins and its size; KeyError when there is none."""
        found = self._ranges[key]
        return found.offset, found.size

    def read(self, key: bytes) -> bytes:
        """Return the value of a key; KeyError when there is none."""
        found = self._ranges[key]
        if found.page is None:
            return self._read_at(found.offset, found.size)
        data = self._read_at(found.offset - _OVERFLOW_PAGE.size, found.size + _OVERFLOW_PAGE.size)
        number, _, flags, count = _OVERFLOW_PAGE.unpack_from(data)
        if number != found.page or flags != _OVERFLOW or count * self._page_size < len(data):
            raise CorruptDataError(f"page {found.page} is not the value's page")
        return data[_OVERFLOW_PAGE.size :]

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read_at(self, offset: int, size: int) -> bytes:
        # Checked first: a damaged size must not allocate.
        if offset + size > self._size:
            raise CorruptDataError(f"bytes {offset}…{offset + size} lie beyond the file's end")
        data = os.pread(self._file.fileno(), size, offset)
        if len(data) != size:
            raise CorruptDataError(f"bytes {offset}…{offset + size} cannot be read")
        return data

    def _read_page_size(self) -> int:
        page_size = _META.unpack_from(self._read_at(_PAGE.size, _META.size))[2]
        if page_size not in (4096, 8192, 16384, 32768):
            raise CorruptDataError(f"a page size of {page_size} is not LMDB's")
        return int(page_size)

    def _read_meta(self, number: int) -> tuple[int, int, int]:
        """Return (transaction, entries, root page) of one of the two descriptions of the tree."""
        data = self._read_at(number * self._page_size, _PAGE.size + _META.size)
        fields = _META.unpack_from(data, _PAGE.size)
        magic, version, page_size, tree_flags, entries, root, transaction = fields
        if (magic, version, page_size) != (_MAGIC, _DATA_VERSION, self._page_size) or tree_flags:
            raise CorruptDataError("not an LMDB file of the kind that this toolkit writes")
        return transaction, entries, root

    def _walk(self, number: int, depth: int) -> Iterator[tuple[bytes, _ValueRange]]:
        flags, page, nodes = self._read_tree_page(number, depth)
        previous = None
        for start in nodes:
            low, high, top, key_size = _NODE.unpack_from(page, start)
            key_end = start + _NODE.size + key_size
            if key_end > self._page_size:
                raise CorruptDataError(f"page {number}: a key leaves it")
            if flags == _BRANCH:
                yield from self._walk(low | high << 16 | top << 32, depth + 1)
                continue
            key = page[start + _NODE.size : key_end]
            if previous is not None and key <= previous:
                raise CorruptDataError(f"page {number}: its keys do not ascend")
            previous = key
            yield key, self._range_of(number, page, key_end, low | high << 16, top)

    def _read_tree_page(self, number: int, depth: int) -> tuple[int, bytes, tuple[int, ...]]:
        """Return flags, content and starts of the nodes of a page of the tree."""
        self._pages_left -= 1
        if depth > _MAX_DEPTH or self._pages_left < 0:
            raise CorruptDataError("its tree leads in circles")
        page = self._read_at(number * self._page_size, self._page_size)
        own_number, _, flags, end, upper = _PAGE.unpack_from(page)
        if own_number != number or flags not in (_BRANCH, _LEAF):
            raise CorruptDataError(f"page {number} is not a page of the tree")
        if not _PAGE.size <= end <= upper <= self._page_size or end % 2:
            raise CorruptDataError(f"page {number}: its bounds are damaged")
        nodes = struct.unpack_from(f"<{(end - _PAGE.size) // 2}H", page, _PAGE.size)
        if any(start + _NODE.size > self._page_size for start in nodes):
            raise CorruptDataError(f"page {number}: a node leaves it")
        return flags, page, nodes

    def _range_of(self, number: int, page: bytes, start: int, size: int, flags: int) -> _ValueRange:
        """Return where the value of a leaf's node lies; ``start`` is the end of its key."""
        if flags == 0 and start + size <= self._page_size:
            return _ValueRange(number * self._page_size + start, size, None)
        if flags != _BIG_VALUE or start + 8 > self._page_size:
            raise CorruptDataError(f"page {number}: a node is damaged")
        (value_page,) = struct.unpack_from("<Q", page, start)
        return _ValueRange(value_page * self._page_size + _OVERFLOW_PAGE.size, size, value_page)
