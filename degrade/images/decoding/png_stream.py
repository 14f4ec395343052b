"""PNG files checked whole, each chunk and the packed stream of pixels, before they are decoded.

The decoders differ in what they let pass, and libpng writes about it to the terminal. Most files
are unpacked here to their pixels. Of the others a decoder gets a file of the same picture that has
nothing more to be said about: only the chunks that make pixels, and the stream unpacked already, so
that it is not unpacked twice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from degrade.arrays import U8Array
from degrade.disk.checksums import InflateError, adler32, crc32, decompressobj
from degrade.errors import InvalidValueError
from degrade.images.headers.png import png_chunks

__all__ = ["UnpackedPng", "unpack_png"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# Adam7: first column and row of each pass, and the steps between its columns and rows.
_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_STORED = 65535
_LAST_FILTER = 4


@dataclass(frozen=True, slots=True)
class UnpackedPng:
    """A PNG whose stream is unpacked, and all of it there.

    Attributes
    ----------
    head : tuple of bytes
        Its chunks before the stream that make pixels, whole; the first one is ``IHDR``.
    passes : tuple of (int, int)
        Number and bytes of the rows of each pass, each row with its filter's number.
    content : (N,) uint8 array
        The rows one after the other; each filter is a known one.
    """

    head: tuple[bytes, ...]
    passes: tuple[tuple[int, int], ...]
    content: U8Array

    def as_file(self) -> bytes:
        """Return a plain file of the same pixels, its stream stored and not packed."""
        return b"".join((_SIGNATURE, *self.head, *_stored(self.content.data), _END))


def unpack_png(data: bytes) -> UnpackedPng:
    """Check and unpack a file that has its end.

    Raises
    ------
    InvalidValueError
        A checksum differs, or the pixels are not those that the header tells; the text says which.
    """
    head: list[bytes] = [data[8:33]]
    packed: list[memoryview] = []
    whole = memoryview(data)
    for kind, start, length in png_chunks(data):
        end = start + length
        if crc32(whole[start - 4 : end]) != int.from_bytes(data[end : end + 4]):
            name = kind.decode("ascii", "replace")
            raise InvalidValueError(f"the checksum of its {name} chunk is wrong: it is damaged")
        if kind == b"IEND":
            break
        if kind == b"IDAT":
            packed.append(whole[start:end])
        elif kind in (b"PLTE", b"tRNS"):
            if not packed and _is_of_use(kind, length, data[25]):
                head.append(data[start - 8 : end + 4])
        elif kind[0] & 0x20 == 0 and (kind != b"IHDR" or start != 16):
            raise InvalidValueError(f"its PNG has a part that is not known ({kind!r})")
    rows = tuple(_rows(data, head))
    return UnpackedPng(tuple(head), rows, _unpacked(packed, rows))


def _is_of_use(kind: bytes, length: int, colour: int) -> bool:
    """Return whether pixels depend on a palette or transparent colour, and it can be one."""
    if kind == b"PLTE":
        return colour == 3 and 3 <= length <= 768 and length % 3 == 0
    return length <= 256 if colour == 3 else length == {0: 2, 2: 6}.get(colour)


def _rows(data: bytes, head: list[bytes]) -> Iterator[tuple[int, int]]:
    """Yield number and bytes of the rows of each pass, each row with its filter's number."""
    width, height, depth, colour, packing, filtering, passes = struct.unpack(
        ">IIBBBBB", data[16:29]
    )
    if depth not in _DEPTHS.get(colour, ()) or packing or filtering or passes > 1:
        raise InvalidValueError("its PNG header is damaged")
    if colour == 3 and not any(chunk[4:8] == b"PLTE" for chunk in head[1:]):
        raise InvalidValueError("its palette is missing")
    bits = depth * _CHANNELS[colour]
    for left, top, across, down in _PASSES if passes else ((0, 0, 1, 1),):
        columns, rows = -(-(width - left) // across), -(-(height - top) // down)
        if columns > 0 and rows > 0:
            yield rows, 1 + -(-columns * bits // 8)


def _unpacked(packed: Sequence[memoryview], rows: Sequence[tuple[int, int]]) -> U8Array:
    """Return the content of a stream; all rows must be there, and nothing more."""
    stream, size = decompressobj(), sum(count * length for count, length in rows)
    try:
        # In one go, which saves an eighth of the time; a byte more shows whether there are more.
        content = np.frombuffer(stream.decompress(b"".join(packed), size + 1), np.uint8)
    except InflateError:
        raise InvalidValueError("the stream of its pixels is damaged") from None
    if len(content) > size:
        raise InvalidValueError("it holds more pixels than its header tells")
    if len(content) < size or not stream.eof:
        raise InvalidValueError("it holds fewer pixels than its header tells")
    _require_known_filters(content, rows)
    return content


def _require_known_filters(content: U8Array, rows: Sequence[tuple[int, int]]) -> None:
    """Raise InvalidValueError unless each row begins with 0 … 4."""
    start = 0
    for count, length in rows:
        stop = start + count * length
        if content[start:stop:length].max() > _LAST_FILTER:
            raise InvalidValueError("a row of its pixels has no known filter: it is damaged")
        start = stop


def _stored(content: memoryview) -> Iterator[bytes | memoryview]:
    """Yield what makes one IDAT chunk that holds the content in a stream that packs nothing."""
    parts: list[bytes | memoryview] = [b"IDAT", b"\x78\x01"]
    for place in range(0, len(content), _STORED):
        block = content[place : place + _STORED]
        parts += (struct.pack("<BHH", 0, len(block), len(block) ^ 0xFFFF), block)
    parts += (struct.pack("<BHH", 1, 0, 0xFFFF), struct.pack(">I", adler32(content)))
    crc = 0
    for piece in parts:
        crc = crc32(piece, crc)
    yield struct.pack(">I", sum(map(len, parts)) - 4)
    yield from parts
    yield struct.pack(">I", crc)
