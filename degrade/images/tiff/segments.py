"""The samples of a TIFF page, put together from its strips or tiles.

Every segment must decode to exactly what its part of the picture takes. What is missing, short,
long or damaged is an error that names the segment; nothing is filled in.
"""

from __future__ import annotations

from collections.abc import Sequence

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
from degrade.images.tiff.grid import Grid, Segment, read_grid
from degrade.images.tiff.pages import Photometric, TiffPage
from degrade.images.tiff.subsampled import subsampled_bytes, subsampling, unpack_subsampled

__all__ = ["read_samples"]

_MOST_PADDING = 4096
_BIT_ORDER = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))


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
    grids = [read_grid(page, plane) for plane in (channels if page.is_planar else (0,))]
    _check_sizes(page, grids)
    dtype = np.uint8 if page.bits <= 8 else np.uint16
    samples = np.zeros((page.height, page.width, len(channels)), dtype)
    if page.is_planar:
        for index, grid in enumerate(grids):
            _fill(samples[..., index : index + 1], page, grid, [0])
    else:
        _fill(samples, page, grids[0], channels)
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


def _check_sizes(page: TiffPage, grids: Sequence[Grid]) -> None:
    """Refuse a picture that so few bytes cannot hold."""
    codec = BYTE_CODECS.get(page.compression)
    if codec is None:
        return
    given = sum(int(grid.sizes.sum()) for grid in grids)
    samples = 1 if page.is_planar else page.samples
    needed = len(grids) * page.height * page.width * samples * page.bits // 8
    if _is_subsampled(page):
        needed //= 3
    if given * codec.expansion < needed:
        raise InvalidValueError(
            f"{given} bytes cannot hold {page.width}×{page.height} pixels: "
            "it is damaged or was cut short"
        )


def _fill(samples: AnyArray, page: TiffPage, grid: Grid, channels: Sequence[int]) -> None:
    """Decode segments into their places of (H, W, n) samples."""
    stored = 1 if page.is_planar else page.samples
    for segment in grid:
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
    except _WrongLengthError as error:
        raise InvalidValueError(_damage(segment, page, str(error))) from None
    except Exception as error:  # each library has errors of its own
        raise InvalidValueError(_damage(segment, page, "does not decode")) from error


class _WrongLengthError(Exception):
    """A segment gives more or fewer bytes than its part of the picture takes."""


def _damage(segment: Segment, page: TiffPage, found: str) -> str:
    reason = "the file is damaged"
    if segment.offset + segment.told_size > len(page.directory.data):
        reason = "it ends beyond the end: the file was cut short"
    elif segment.told_size == 0:
        reason = "the file is damaged, or does not tell its size"
    return f"{segment.name} {found}: {reason}"


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
        raise _WrongLengthError(f"decodes to {got} of {count} bytes")
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
    """Refuse an uncompressed segment that says of itself that it is far larger than its pixels.

    Twice as large, it is of twice the bits; else it may be padded, or as high as the others.
    """
    padding = max(4, min(count - 1, _MOST_PADDING))
    padded = max(count + padding, _byte_count(page, segment, segment.full_height))
    if page.compression == 1 and segment.told_size and segment.size > padded:
        raise InvalidValueError(
            f"{segment.name} has {segment.size} bytes for pixels of {count}: its header is damaged"
        )
