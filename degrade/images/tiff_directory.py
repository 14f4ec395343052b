"""The directory of a TIFF file, which EXIF blocks are too: what each entry is and where it lies."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["TiffDirectory", "TiffEntry", "is_tiff"]


@dataclass(frozen=True, slots=True)
class TiffEntry:
    """One entry: its tag, the type and number of its values, and where its last four bytes begin.

    Those hold the values, or where the values lie when they take more.
    """

    tag: int
    type: int
    count: int
    offset: int


@dataclass(frozen=True, slots=True)
class TiffDirectory:
    """The first directory of a TIFF file.

    Attributes
    ----------
    data : bytes
        The file, or as much as there is of it.
    order : str
        Of the bytes in a number, as :mod:`struct` writes it.
    start, count : int
        Where the entries begin, and how many there are.
    """

    data: bytes
    order: str
    start: int
    count: int

    @classmethod
    def read(cls, data: bytes) -> TiffDirectory:
        """Find the directory; struct.error when the data end before it."""
        order = "<" if data[:2] == b"II" else ">"
        (offset,) = struct.unpack(order + "I", data[4:8])
        (count,) = struct.unpack(order + "H", data[offset : offset + 2])
        return cls(data, order, offset + 2, count)

    def entries(self, most: int = 2**16) -> Iterator[TiffEntry]:
        """Yield the first ``most`` entries; struct.error when the data end before one."""
        for place in range(self.start, self.start + 12 * min(self.count, most), 12):
            tag, kind, count = struct.unpack(self.order + "HHI", self.data[place : place + 8])
            yield TiffEntry(tag, kind, count, place + 8)

    def value_bytes(self, entry: TiffEntry, size: int, most: int = 2**32) -> bytes:
        """Return at most ``most`` of the ``size`` bytes of an entry's values."""
        start = entry.offset
        if size > 4:
            (start,) = struct.unpack(self.order + "I", self.data[start : start + 4])
        return self.data[start : start + min(size, most)]

    def following(self) -> int:
        """Return where the next directory is; 0: there is none."""
        end = self.start + 12 * self.count
        found = self.data[end : end + 4]
        return int(struct.unpack(self.order + "I", found)[0]) if len(found) == 4 else 0


def is_tiff(data: bytes) -> bool:
    """Return whether data begin as a TIFF file does."""
    return data[:4] in (b"II*\x00", b"MM\x00*")
