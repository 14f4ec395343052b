"""The samples of a TIFF page, put together from its strips or tiles.

Every segment must decode to exactly what its part of the picture takes. What is missing, short,
long or damaged is an error that names the segment; nothing is filled in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import imagecodecs
import numpy as np

from degrade.arrays import AnyArray, U8Array
from degrade.errors import InvalidValueError
from degrade.images.tiff.compressions import (
    BYTE_CODECS,
    IMAGE_CODECS,
    ByteCodec,
    check_compression,
)
from degrade.images.tiff.pages import Photometric, TiffPage
from degrade.images.tiff.subsampled import subsampled_bytes, subsampling, unpack_subsampled

__all__ = ["read_samples"]

_LARGEST_TILE = 4096
_MOST_PADDING = 4096
_BIT_ORDER = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


@dataclass(frozen=True, slots=True)
class Segment:
    """A strip or tile: where it lies in the picture, its size as stored, its place in the file.

    ``full_height`` is the height of the others: the last strip may be padded to it.
    """

    name: str
    top: int
    left: int
    height: int
    width: int
    full_height: int
    offset: int
    size: int
    is_size_told: bool


def read_samples(page: TiffPage, channels: Sequence[int]) -> AnyArray:
    """Decode the samples of a page.

    Parameters
    ----------
    page : TiffPage
        Of unsigned samples of 1 to 16 bits.
    channels : sequence of int
        Which samples of a pixel are wanted.

    Returns
    -------
    (H, W, len(channels)) uint8 or uint16 array
        Values as stored: of 8 bits or fewer in uint8.

    Raises
    ------
    InvalidValueError
        A segment is missing or damaged, or the layout is not read; the text says which and why.
    """
    check_compression(page.compression)
    _check_differences(page)
    if page.is_planar:
        parts = [list(_segments(page, plane)) for plane in channels]
    else:
        parts = [list(_segments(page, 0))]
    _check_sizes(page, parts)
    dtype = np.uint8 if page.bits <= 8 else np.uint16
    samples = np.zeros((page.height, page.width, len(channels)), dtype)
    if page.is_planar:
        for index, part in enumerate(parts):
            _fill(samples[..., index : index + 1], page, part, [0])
    else:
        _fill(samples, page, parts[0], channels)
    return samples


def _check_differences(page: TiffPage) -> None:
    """Refuse differences (tag 317) where readers disagree about them or none knows them."""
    kind = page.integer(317, 1)
    codec = BYTE_CODECS.get(page.compression)
    if kind == 1 or codec is None:
        return
    if kind != 2 or not codec.differences or page.bits not in (8, 16):
        raise InvalidValueError(
            f"stores differences of kind {kind} between {page.bits}-bit samples under "
            f"compression {page.compression}: save it without a predictor"
        )


def _segments(page: TiffPage, plane: int) -> Iterator[Segment]:
    """Yield the segments of one plane; all samples of a pixel are in plane 0 where not planar."""
    is_tiled = 322 in page.entries or 324 in page.entries
    width, height = page.width, page.height
    if is_tiled:
        across, down = page.integer(322, 0), page.integer(323, 0)
        limit = max(_LARGEST_TILE, width, height) + 15
        if not (0 < across <= limit and 0 < down <= limit):
            raise InvalidValueError(f"its tiles are of {across}×{down} pixels")
    else:
        across, down = width, min(height, _rows_per_strip(page))
    columns, rows = -(-width // across), -(-height // down)
    first, count = plane * columns * rows, columns * rows
    places = _places(page, count * (page.samples if page.is_planar else 1), is_tiled=is_tiled)
    for index in range(count):
        top, left = index // columns * down, index % columns * across
        yield Segment(
            f"{'tile' if is_tiled else 'strip'} {index + 1} of {count}",
            top,
            left,
            down if is_tiled else min(down, height - top),
            across,
            down,
            *places[first + index],
        )


def _rows_per_strip(page: TiffPage) -> int:
    """Return the rows of a strip; where the file does not say, as many as its strips need."""
    planes = page.samples if page.is_planar else 1
    strips = max(1, len(page.integers(273)) // planes)
    rows = page.integer(278, -(-page.height // strips))
    return rows if rows > 0 else page.height


def _places(page: TiffPage, count: int, *, is_tiled: bool) -> list[tuple[int, int, bool]]:
    """Return where each segment begins, its bytes, and whether the file tells them.

    Where it does not, they end at the next segment, or with the file.
    """
    offsets = page.integers(324 if is_tiled and 324 in page.entries else 273)
    sizes = page.integers(325 if is_tiled and 325 in page.entries else 279)[:count]
    if len(offsets) < count:
        raise InvalidValueError(f"lists {len(offsets)} of its {count} segments: it is damaged")
    ends = np.append(np.unique(offsets), len(page.directory.data))
    offsets = offsets[:count]
    sizes = np.append(sizes, np.zeros(count - len(sizes), np.int64))
    told = sizes != 0
    following = ends[np.searchsorted(ends[:-1], offsets, "right")]
    sizes = np.where(told, sizes, following - offsets)
    return list(zip(offsets.tolist(), sizes.tolist(), told.tolist(), strict=True))


def _check_sizes(page: TiffPage, parts: Sequence[Sequence[Segment]]) -> None:
    """Refuse segments beyond the end, and a picture that so few bytes cannot hold."""
    end = len(page.directory.data)
    for segment in (segment for part in parts for segment in part):
        if segment.offset <= 0:
            raise InvalidValueError(f"{segment.name} is missing: nothing is filled in for it")
        if segment.offset >= end or segment.size < 0:
            raise InvalidValueError(f"{segment.name} lies beyond the end: the file was cut short")
    codec = BYTE_CODECS.get(page.compression)
    if codec is not None:
        given = sum(segment.size for part in parts for segment in part) * codec.expansion
        needed = sum(_byte_count(page, segment) for part in parts for segment in part)
        if given < needed:
            raise InvalidValueError(
                f"{given // codec.expansion} bytes cannot hold {page.width}×{page.height} pixels: "
                "it is damaged or was cut short"
            )


def _fill(
    samples: AnyArray, page: TiffPage, segments: Sequence[Segment], channels: Sequence[int]
) -> None:
    """Decode segments into their places of (H, W, n) samples."""
    stored = 1 if page.is_planar else page.samples
    for segment in segments:
        rows = slice(segment.top, segment.top + segment.height)
        place = samples[rows, segment.left : segment.left + segment.width]
        shape = (segment.height, segment.width, stored)
        if place.shape == shape and place.flags.c_contiguous and channels == range(stored):
            _decode(page, segment, place)
            continue
        block = np.zeros(shape, samples.dtype)
        _decode(page, segment, block)
        place[:] = block[: place.shape[0], : place.shape[1], list(channels)]


def _decode(page: TiffPage, segment: Segment, out: AnyArray) -> None:
    """Fill a C-contiguous (h, w, n) array from a segment."""
    codec = BYTE_CODECS.get(page.compression)
    stored = page.directory.data[segment.offset : segment.offset + segment.size]
    try:
        if codec is None:
            IMAGE_CODECS[page.compression](stored, page, out)
        else:
            _decode_bytes(page, segment, codec, stored, out)
    except InvalidValueError:
        raise
    except Exception as error:  # each library has errors of its own
        raise InvalidValueError(_damage(segment, page)) from error


def _damage(segment: Segment, page: TiffPage) -> str:
    if segment.offset + segment.size > len(page.directory.data):
        return f"{segment.name} ends beyond the end: the file was cut short"
    return f"{segment.name} does not decode: the file is damaged"


def _decode_bytes(
    page: TiffPage, segment: Segment, codec: ByteCodec, stored: bytes, out: AnyArray
) -> None:
    if page.integer(266, 1) == 2:
        stored = stored.translate(_BIT_ORDER)
    count = _byte_count(page, segment)
    in_place = page.bits in (8, 16) and segment.height == segment.full_height
    in_place &= not _is_subsampled(page)
    room = out.view(np.uint8).reshape(-1) if in_place else np.zeros(_room(page, segment), np.uint8)
    got = codec.unpack(stored, room)
    if got != count and got != len(room):
        raise InvalidValueError(
            f"{segment.name} decodes to {got} of {count} bytes: the file is damaged"
        )
    _check_padding(page, segment, count)
    if not in_place:
        _unpack(page, room[:count], out)
    if page.bits == 16 and page.directory.order == ">":
        out.byteswap(inplace=True)
    if page.integer(317, 1) == 2:
        np.add.accumulate(out, axis=1, out=out)


def _unpack(page: TiffPage, packed: U8Array, out: AnyArray) -> None:
    """Fill samples from packed bytes, of which each row begins a new one."""
    if _is_subsampled(page):
        unpack_subsampled(packed, subsampling(page), out)
    elif page.bits in (8, 16):
        out.view(np.uint8).reshape(-1)[:] = packed
    else:
        run = out.shape[1] * out.shape[2]
        values = imagecodecs.packints_decode(packed.tobytes(), out.dtype, page.bits, runlen=run)
        out[:] = values.reshape(out.shape)


def _byte_count(page: TiffPage, segment: Segment, height: int | None = None) -> int:
    """Return the bytes of a segment before compression."""
    height = segment.height if height is None else height
    if _is_subsampled(page):
        return subsampled_bytes(height, segment.width, subsampling(page))
    samples = 1 if page.is_planar else page.samples
    return height * -(-segment.width * samples * page.bits // 8)


def _room(page: TiffPage, segment: Segment) -> int:
    """Return the bytes of a segment before compression, the last strip's with its padding."""
    height = segment.height if page.compression == 1 else segment.full_height
    return _byte_count(page, segment, height)


def _is_subsampled(page: TiffPage) -> bool:
    """Return whether colours are stored for groups of pixels."""
    return page.photometric == Photometric.YCBCR and page.compression in BYTE_CODECS


def _check_padding(page: TiffPage, segment: Segment, count: int) -> None:
    """Refuse an uncompressed segment that says of itself that it is far larger than its pixels."""
    padded = _byte_count(page, segment, segment.full_height) + _MOST_PADDING
    if page.compression == 1 and segment.is_size_told and segment.size > padded:
        raise InvalidValueError(
            f"{segment.name} has {segment.size} bytes for pixels of {count}: its header is damaged"
        )
