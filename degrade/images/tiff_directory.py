"""The directories of a TIFF file, which EXIF blocks are too: what each entry is, where it lies."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["TiffDirectory", "TiffEntry", "is_tiff"]

_SMALL, _LARGE = (b"II*\x00", b"MM\x00*"), (b"II+\x00", b"MM\x00+")
_INTEGERS = {
    1: "u1",
    3: "u2",
    4: "u4",
    6: "i1",
    8: "i2",
    9: "i4",
    13: "u4",
    16: "u8",
    17: "i8",
    18: "u8",
}
_RATIONAL = 5


@dataclass(frozen=True, slots=True)
class TiffEntry:
    """One entry: its tag, the type and number of its values, and where its last field begins.

    That field holds the values, or where the values lie when they take more.
    """

    tag: int
    type: int
    count: int
    offset: int


@dataclass(frozen=True, slots=True)
class TiffDirectory:
    """A directory of a TIFF file, of 32-bit or 64-bit places (BigTIFF).

    Attributes
    ----------
    data : bytes
        The file, or as much as there is of it.
    order : str
        Of the bytes in a number, as :mod:`struct` writes it.
    start, count : int
        Where the entries begin, and how many there are.
    is_large : bool
        Places and counts take 64 bits.
    """

    data: bytes
    order: str
    start: int
    count: int
    is_large: bool = False

    @classmethod
    def read(cls, data: bytes, place: int | None = None) -> TiffDirectory:
        """Find the directory at ``place``, or the first; struct.error when the data end before."""
        order = "<" if data[:2] == b"II" else ">"
        is_large = data[:4] in _LARGE
        if place is None:
            found = data[8:16] if is_large else data[4:8]
            (place,) = struct.unpack(order + ("Q" if is_large else "I"), found)
        kind, size = ("Q", 8) if is_large else ("H", 2)
        (count,) = struct.unpack(order + kind, data[place : place + size])
        return cls(data, order, place + size, count, is_large)

    @property
    def _field(self) -> tuple[str, int, int]:
        """Return how a place is written, its bytes, and the bytes of an entry."""
        return ("Q", 8, 20) if self.is_large else ("I", 4, 12)

    def entries(self, most: int = 2**16) -> Iterator[TiffEntry]:
        """Yield the first ``most`` entries; struct.error when the data end before one."""
        kind, size, step = self._field
        for place in range(self.start, self.start + step * min(self.count, most), step):
            head = self.data[place : place + 4 + size]
            tag, type, count = struct.unpack(f"{self.order}HH{kind}", head)
            yield TiffEntry(tag, type, count, place + 4 + size)

    def value_bytes(self, entry: TiffEntry, size: int, most: int = 2**32) -> bytes:
        """Return at most ``most`` of the ``size`` bytes of an entry's values."""
        kind, field, _ = self._field
        start = entry.offset
        if size > field:
            (start,) = struct.unpack(self.order + kind, self.data[start : start + field])
        return self.data[start : start + min(size, most)]

    def integers(self, entry: TiffEntry) -> npt.NDArray[np.int64]:
        """Return the values of an entry of integers; none when they are of another type.

        What does not fit into 63 bits becomes negative.

        Raises
        ------
        struct.error
            The data end before the values do.
        """
        code = _INTEGERS.get(entry.type)
        if code is None:
            return np.zeros(0, np.int64)
        return self._values(entry, code, entry.count).astype(np.int64)

    def fractions(self, entry: TiffEntry) -> tuple[float, ...]:
        """Return the values of an entry of fractions; as :meth:`integers`."""
        if entry.type != _RATIONAL:
            return ()
        pairs = self._values(entry, "u4", 2 * entry.count).reshape(-1, 2).tolist()
        return tuple(above / below if below else 0.0 for above, below in pairs)

    def _values(self, entry: TiffEntry, code: str, count: int) -> npt.NDArray[np.generic]:
        size = int(code[1]) * count
        raw = self.value_bytes(entry, size)
        if len(raw) < size:
            raise struct.error("values beyond the end of the data")
        return np.frombuffer(raw, self.order + code)

    def following(self) -> int:
        """Return where the next directory is; 0: there is none."""
        kind, size, step = self._field
        end = self.start + step * self.count
        found = self.data[end : end + size]
        return int(struct.unpack(self.order + kind, found)[0]) if len(found) == size else 0


def is_tiff(data: bytes) -> bool:
    """Return whether data begin as a TIFF file does."""
    return data[:4] in _SMALL + _LARGE
