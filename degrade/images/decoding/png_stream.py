"""PNG files checked whole, each chunk and the packed stream of pixels, before they are decoded.

The decoders differ in what they let pass, and libpng writes about it to the terminal. What they
get here is a file of the same picture that has nothing more to be said about: only the chunks that
make pixels, and the stream unpacked already, so that it is not unpacked twice.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from degrade.disk.checksums import InflateError, adler32, crc32, decompressobj
from degrade.errors import InvalidValueError
from degrade.images.headers.png import png_chunks

__all__ = ["checked_png"]

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
_PIECE, _STORED = 1 << 16, 65535


def checked_png(data: bytes) -> bytes:
    """Return a plain file of the same pixels, its stream stored and not packed.

    Parameters
    ----------
    data : bytes
        A file that has its end.

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
    rows = list(_rows(data, head))
    raw = _unpacked(b"".join(packed), sum(count * size for count, size in rows))
    _require_known_filters(raw, rows)
    return b"".join((_SIGNATURE, *head, *_stored(raw), b"\x00\x00\x00\x00IEND\xaeB`\x82"))


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


def _unpacked(packed: bytes, size: int) -> bytes:
    """Return the stream's content, which must be of that size."""
    stream, parts, found = decompressobj(), [], 0
    try:
        for place in range(0, len(packed), _PIECE):
            part = stream.decompress(packed[place : place + _PIECE])
            parts.append(part)
            found += len(part)
            if found > size or stream.eof:
                break
    except InflateError:
        raise InvalidValueError("the stream of its pixels is damaged") from None
    if found != size or not stream.eof:
        much = "more" if found > size else "fewer"
        raise InvalidValueError(f"it holds {much} pixels than its header tells")
    return b"".join(parts)


def _require_known_filters(raw: bytes, rows: list[tuple[int, int]]) -> None:
    levels, place = np.frombuffer(raw, np.uint8), 0
    for count, size in rows:
        if levels[place : place + count * size : size].max() > 4:
            raise InvalidValueError("a row of its pixels has no known filter: it is damaged")
        place += count * size


def _stored(raw: bytes) -> Iterator[bytes]:
    """Yield the parts of one IDAT chunk that holds ``raw`` in a stream that packs nothing."""
    view = memoryview(raw)
    blocks: list[bytes | memoryview] = [b"IDAT\x78\x01"]
    for place in range(0, len(raw), _STORED):
        block = view[place : place + _STORED]
        is_last = place + _STORED >= len(raw)
        blocks += (struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF), block)
    blocks.append(struct.pack(">I", adler32(raw)))
    content = b"".join(blocks)
    yield struct.pack(">I", len(content) - 4)
    yield content
    yield struct.pack(">I", crc32(content))
