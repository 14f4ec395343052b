"""Reading the Huffman codes of a JPEG scan without making pixels of them, compiled.

Each function returns what is wrong with a scan, in words, though a decoder would not complain of
it; empty when nothing is; and None when the walk did not come to the scan's end: then a decoder
complains by itself. RuntimeError where the code is not compiled.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.compiled.loading import pointer, required_code

__all__ = ["ScanPart", "walk_details", "walk_means"]

_LAST = 63
_TABLE = 16 + 256
_FAULTS = {
    -1: None,
    0: "",
    1: "a run of zeros leads out of its block",
    2: "a coefficient is too large for a picture",
    3: "a run of empty blocks leads out of the picture",
}
_SLACK = 2
"""Steps by which encoders that choose among roundings go beyond what they would round to."""

_DARKEST, _BRIGHTEST, _MOST_DETAIL = 1024, 1280, 1200
"""What coefficients of 8-bit samples can be: the mean within ±1024, an AC one within ±930. Some
encoders draw white areas brighter than white to save the ringing at their edges."""


@dataclass(frozen=True, slots=True)
class ScanPart:
    """One component of a scan.

    Attributes
    ----------
    blocks : int
        In a unit of the scan.
    mean_codes, detail_codes : bytes
        Huffman tables as the file has them: 16 counts, then the symbols.
    steps : tuple of 64 int
        Quantisation steps in zigzag order.
    """

    blocks: int
    mean_codes: bytes
    detail_codes: bytes
    steps: tuple[int, ...]


def walk_means(
    coded: memoryview,
    parts: Sequence[ScanPart],
    units: int,
    restart: int,
    *,
    low: int = 0,
    has_details: bool = True,
) -> str | None:
    """Walk through a scan that brings means, and in a baseline file all coefficients.

    Parameters
    ----------
    coded : memoryview of bytes
        The file from the scan's coded data on.
    parts : sequence of ScanPart
        In the order of the scan.
    units : int
        How many units of blocks (MCU) the scan has.
    restart : int
        Units between restart markers; 0: there are none.
    low : int
        How many bits of the means come in later scans.
    has_details : bool
        Whether it is a scan of a baseline file.
    """
    code = required_code()
    steps = np.array([part.steps for part in parts], np.int64).clip(1)
    least = (-(_DARKEST // steps[:, 0]) - _SLACK).astype(np.int32) >> low
    most = _most_details(steps)
    most[:, 0] = (_BRIGHTEST // steps[:, 0] + _SLACK) >> low
    blocks = np.array([part.blocks for part in parts], np.int32)
    return _FAULTS[
        code.degrade_walk_means(
            pointer(coded),
            ctypes.c_int64(len(coded)),
            len(parts),
            pointer(blocks),
            _filled(part.mean_codes for part in parts),
            _filled(part.detail_codes for part in parts),
            _LAST if has_details else 0,
            pointer(least),
            pointer(most),
            ctypes.c_int64(units),
            ctypes.c_int64(restart),
        )
    ]


def walk_details(
    coded: memoryview,
    codes: bytes,
    steps: tuple[int, ...],
    seen: npt.NDArray[np.uint64],
    restart: int,
    *,
    first: int,
    last: int,
    low: int,
    is_further: bool,
) -> str | None:
    """Walk through a progressive scan of one component's details.

    Parameters
    ----------
    coded, restart, low
        As :func:`walk_means`.
    codes : bytes
        Its Huffman table.
    steps : tuple of 64 int
        As :class:`ScanPart`.
    seen : (blocks,) uint64 array
        Which coefficients of each block earlier scans have made other than zero, a bit each; those
        of this scan are added.
    first, last : int
        Coefficients, 1…63 in zigzag order.
    is_further : bool
        Whether earlier scans have brought higher bits of them.
    """
    code = required_code()
    most = _most_details(np.array(steps, np.int64).clip(1)) >> low
    return _FAULTS[
        code.degrade_walk_details(
            pointer(coded),
            ctypes.c_int64(len(coded)),
            ctypes.c_int64(len(seen)),
            _filled([codes]),
            first,
            last,
            int(is_further),
            pointer(most),
            pointer(seen),
            ctypes.c_int64(restart),
        )
    ]


def _most_details(steps: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    return (_MOST_DETAIL // steps + _SLACK).astype(np.int32)


def _filled(tables: Iterable[bytes]) -> bytes:
    return b"".join(table[:_TABLE].ljust(_TABLE, b"\x00") for table in tables)
