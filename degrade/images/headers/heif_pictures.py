"""Which coded pictures a HEIF file's image is made of: boxes of ISO 14496-12 and 23008-12.

Written for files that libheif has read already: where one is odd, its pictures end; that is no
error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["CodedPicture", "coded_pictures"]

_HEVC = b"hvc1"
_ARRAYS = 22
"""Where a decoder's configuration (``hvcC``) lists its parameter sets."""


@dataclass(frozen=True, slots=True)
class CodedPicture:
    """A picture that HEVC packs: a whole image, or a tile of one.

    Attributes
    ----------
    parameters : tuple of bytes
        The units (NAL) that tell how it is coded.
    units : tuple of bytes
        Its own.
    """

    parameters: tuple[bytes, ...]
    units: tuple[bytes, ...]


class _EndError(Exception):
    """A box ends before what it tells of."""


class _Reader:
    """Reads whole numbers and bytes of a part of a file, one after the other."""

    def __init__(self, data: bytes, start: int, stop: int) -> None:
        self._data, self._place, self._stop = data, start, stop

    @property
    def is_at_end(self) -> bool:
        return self._place >= self._stop

    def take(self, length: int) -> bytes:
        start, self._place = self._place, self._place + length
        if self._place > self._stop:
            raise _EndError
        return self._data[start : self._place]

    def rest(self) -> bytes:
        return self.take(self._stop - self._place)

    def whole(self, length: int) -> int:
        return int.from_bytes(self.take(length))

    def box(self) -> tuple[bytes, _Reader]:
        """Return a box's name, and a reader of what is in it."""
        begun = self._place
        size, name = self.whole(4), self.take(4)
        size = self.whole(8) if size == 1 else size or self._stop - begun
        first, self._place = self._place, begun + size
        if not first <= self._place <= self._stop:
            raise _EndError
        return name, _Reader(self._data, first, self._place)

    def boxes(self) -> Iterator[tuple[bytes, _Reader]]:
        while not self.is_at_end:
            yield self.box()

    def one(self, name: bytes) -> _Reader:
        """Return the first of the boxes that has a name."""
        for found, inside in self.boxes():
            if found == name:
                return inside
        raise _EndError

    def version(self) -> tuple[int, int]:
        """Return a full box's version and flags."""
        return self.whole(1), self.whole(3)

    @property
    def place(self) -> int:
        return self._place


def coded_pictures(data: bytes) -> Iterator[CodedPicture]:
    """Yield the pictures that make the primary image; none where they are not HEVC's.

    Each is cut out when it is asked for: tiles may share their bytes, so that all of them together
    may be any number of times as long as the file.
    """
    try:
        yield from _Items(data).pictures()
    except (_EndError, KeyError, IndexError):
        return


class _Items:
    """What the ``meta`` box tells of a file's items."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        meta = _Reader(data, 0, len(data)).one(b"meta")
        meta.version()
        found = dict(reversed(list(meta.boxes())))  # the first of each name
        version, _ = found[b"pitm"].version()
        self._primary = found[b"pitm"].whole(4 if version else 2)
        self._kinds = dict(_kinds(found[b"iinf"]))
        inner = found[b"idat"].place if b"idat" in found else 0
        self._extents = dict(_extents(found[b"iloc"], inner))
        self._parts = dict(_parts(found[b"iref"])) if b"iref" in found else {}
        properties = found[b"iprp"]
        listed = [(name, inside.rest()) for name, inside in properties.one(b"ipco").boxes()]
        self._settings: dict[int, bytes] = {}
        for name, inside in properties.boxes():
            if name == b"ipma":
                for item, numbers in _associations(inside):
                    for number in numbers:
                        if number and listed[number - 1][0] == b"hvcC":
                            self._settings[item] = listed[number - 1][1]

    def pictures(self) -> Iterator[CodedPicture]:
        todo, seen = [self._primary], set()
        while todo:
            item = todo.pop()
            if item in seen:
                continue
            seen.add(item)
            if self._kinds[item] == _HEVC:
                yield self._picture(item)
            else:  # a grid of tiles, or one picture laid over others
                todo += self._parts.get(item, ())

    def _picture(self, item: int) -> CodedPicture:
        settings = self._settings[item]
        parts = self._extents[item]
        if sum(size for _, size in parts) > len(self._data):
            raise _EndError
        coded = b"".join(self._data[start : start + size] for start, size in parts)
        size, reader, units = 1 + (settings[21] & 3), _Reader(coded, 0, len(coded)), []
        while not reader.is_at_end:
            units.append(reader.take(reader.whole(size)))
        return CodedPicture(tuple(_parameters(settings)), tuple(units))


def _kinds(box: _Reader) -> Iterator[tuple[int, bytes]]:
    """Yield each item and what it is."""
    version, _ = box.version()
    box.whole(4 if version else 2)
    for name, entry in box.boxes():
        if name == b"infe":
            version, _ = entry.version()
            if version >= 2:
                item, _ = entry.whole(2 if version == 2 else 4), entry.whole(2)
                yield item, entry.take(4)


def _extents(box: _Reader, inner: int) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield each item and where its bytes lie: start and length of each part."""
    version, _ = box.version()
    sizes = box.whole(2)
    offset_size, length_size, base_size, index_size = (sizes >> s & 15 for s in (12, 8, 4, 0))
    for _ in range(box.whole(2 if version < 2 else 4)):
        item = box.whole(2 if version < 2 else 4)
        method = box.whole(2) & 15 if version else 0
        box.whole(2)  # in another file: libheif reads none of those
        base = box.whole(base_size) + (inner if method == 1 else 0)
        parts = []
        for _ in range(box.whole(2)):
            box.whole(index_size if version else 0)
            parts.append((base + box.whole(offset_size), box.whole(length_size)))
        if method < 2:  # 2: in another item, which no coded picture is
            yield item, parts


def _parts(box: _Reader) -> Iterator[tuple[int, list[int]]]:
    """Yield each derived image and what it is made of."""
    version, _ = box.version()
    size = 4 if version else 2
    for name, entry in box.boxes():
        if name == b"dimg":
            item = entry.whole(size)
            yield item, [entry.whole(size) for _ in range(entry.whole(2))]


def _associations(box: _Reader) -> Iterator[tuple[int, list[int]]]:
    """Yield each item and the numbers of its properties, from 1."""
    version, flags = box.version()
    size, bits = (2, 0x7FFF) if flags & 1 else (1, 0x7F)
    for _ in range(box.whole(4)):
        item = box.whole(4 if version else 2)
        yield item, [box.whole(size) & bits for _ in range(box.whole(1))]


def _parameters(settings: bytes) -> Iterator[bytes]:
    reader = _Reader(settings, _ARRAYS, len(settings))
    for _ in range(reader.whole(1)):
        reader.whole(1)
        for _ in range(reader.whole(2)):
            yield reader.take(reader.whole(2))
