"""LZW as TIFF has it: every code is checked before the decoder, which trusts them, sees any.

The width of a code follows from its number since the table was last cleared, so that a whole
table's codes are looked at together.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import imagecodecs
import numpy as np
import numpy.typing as npt

from degrade.arrays import U8Array

__all__ = ["unpack_lzw"]

_CLEAR, _END, _FIRST_FREE, _TABLE = 256, 257, 258, 4096
_SLACK = 64


def unpack_lzw(segment: bytes, out: U8Array) -> int:
    """Fill a (N,) uint8 array; return how many bytes there are, which may be more than fit.

    Raises
    ------
    ValueError
        There is a code that stands for nothing yet, or no code to begin with.
    RuntimeError
        The decoder refuses them.
    """
    _check_codes(segment)
    # It stops without a word where its room ends: some more shows what is too long.
    room = np.empty(len(out) + _SLACK, np.uint8)
    count = len(imagecodecs.lzw_decode(segment, out=room.data))
    out[:count] = room[: min(count, len(out))]
    return count


class _Layout(NamedTuple):
    """Where the codes of one table lie, by their number since it was cleared.

    ``places`` are the bytes in which they begin, ``ends`` the bits behind them; a code is
    ``(word >> shift) & mask`` of the word that begins there, and at most ``highest``.
    """

    places: npt.NDArray[np.intp]
    shifts: npt.NDArray[np.uint32]
    masks: npt.NDArray[np.uint32]
    highest: npt.NDArray[np.uint32]
    ends: npt.NDArray[np.intp]


@functools.cache
def _layout(phase: int, is_old: bool, is_full: bool) -> _Layout:
    """Return it for codes that begin at a bit of a byte.

    The old style widens one later. A table that is full stays so, until it is cleared.
    """
    # The first code makes no entry, each further one does; a code may stand for the next entry.
    free = np.maximum(np.arange(_FIRST_FREE - 1, _TABLE + 1), _FIRST_FREE)
    free = np.full_like(free, _TABLE) if is_full else free
    widths = 9 + np.searchsorted(np.array((512, 1024, 2048)) - (not is_old), free, "right")
    ends = phase + np.cumsum(widths)
    first_bits = (ends - widths) & 7
    return _Layout(
        (ends - widths) >> 3,
        (first_bits if is_old else 32 - first_bits - widths).astype(np.uint32),
        ((1 << widths) - 1).astype(np.uint32),
        np.minimum([free[0] if is_full else _CLEAR - 1, *free[1:]], _TABLE - 1).astype(np.uint32),
        ends,
    )


def _check_codes(segment: bytes) -> None:
    # Before 1992 the bits of a code went into a byte from the other end.
    is_old = segment[:1] == b"\x00" and len(segment) > 1 and bool(segment[1] & 1)
    padded = segment + bytes(4)
    words = np.ndarray((len(segment) + 1,), "<u4", padded, strides=(1,))
    bits, place = 8 * len(segment), 0
    count, is_full = 1, False  # of the first table nothing but its clearing
    while True:
        layout = _layout(place & 7, is_old, is_full)
        left = bits - (place & ~7)
        count = min(count, int(np.searchsorted(layout.ends, left, "right")))
        here = words[place >> 3 : (place >> 3) + int(layout.places[-1]) + 1]
        found = here.copy()[layout.places[:count]]  # one that is aligned: six times as fast
        codes = found if is_old else found.byteswap(inplace=True)
        codes >>= layout.shifts[:count]
        codes &= layout.masks[:count]
        stops = np.flatnonzero((codes | 1) == _END)
        length = int(stops[0]) if len(stops) else count
        if place == 0 and codes.tolist() != [_CLEAR]:
            raise ValueError("it does not begin by clearing its table")
        if (codes[:length] > layout.highest[:length]).any():
            raise ValueError("a code stands for nothing yet")
        if not len(stops) and count < len(layout.ends):
            return  # some writers leave the end mark out
        if len(stops) and codes[length] == _END:
            return
        is_full = not len(stops)
        place = (place & ~7) + int(layout.ends[-1 if is_full else length])
        count = len(layout.ends)
