"""What is shown of a pair: the same part of LR, of LR enlarged, and of HR."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.arrays import Box, U8Array
from degrade.geometry import Scale, border_of, fitting_side, hr_box, hr_unit, lr_side, lr_unit
from degrade.metrics import psnr
from degrade.pairs import PairReader
from degrade.resample import enlarge_u8

__all__ = ["PairView", "view_pair"]

_SIDE = 192
"""HR pixels of a pair that are shown: its middle."""


@dataclass(frozen=True, slots=True, eq=False)
class PairView:
    """The middle of a pair, in three pictures of one size.

    Attributes
    ----------
    nearest, bicubic, hr : (h, w, 3) uint8 array
        LR by nearest neighbour, LR enlarged by bicubic interpolation, and HR.
    psnr : float
        Of the whole of the second on Y, in dB, at most 99.99; 0 of images too small for it.
    """

    nearest: U8Array
    bicubic: U8Array
    hr: U8Array
    psnr: float


def view_pair(reader: PairReader, number: int, *, side: int = _SIDE) -> PairView:
    """Read a pair and return its middle, about ``side`` HR pixels wide and high.

    Raises
    ------
    CorruptDataError
        The pair is damaged.
    """
    scale = reader.scale
    lr_u8, hr_u8 = reader.read(number)
    lr_box = _middle(lr_u8.shape, scale, side)
    top, left, height, width = hr_box(lr_box, scale)
    larger = enlarge_u8(lr_u8, scale)
    border = border_of(scale)
    quality = min(psnr(larger, hr_u8, border=border), 99.99) if min(lr_u8.shape[:2]) > 2 else 0.0
    rows, columns = slice(top, top + height), slice(left, left + width)
    nearest = lr_u8[np.ix_(*(_nearest(each, scale) for each in (rows, columns)))]
    return PairView(nearest, larger[rows, columns], hr_u8[rows, columns], quality)


def _middle(shape: tuple[int, ...], scale: Scale, side: int) -> Box:
    """Return the middle of LR that is drawn."""
    unit, most = lr_unit(scale), lr_side(max(fitting_side(side, scale), hr_unit(scale)), scale)
    height, width = (min(length, most) for length in shape[:2])
    top, left = (
        (length - shown) // 2 // unit * unit
        for length, shown in zip(shape[:2], (height, width), strict=True)
    )
    return top, left, height, width


def _nearest(hr: slice, scale: Scale) -> npt.NDArray[np.int64]:
    """Return the LR pixel that each HR pixel's centre lies in."""
    centres = 2 * np.arange(hr.start, hr.stop) + 1
    pixels: npt.NDArray[np.int64] = centres * lr_unit(scale) // (2 * hr_unit(scale))
    return pixels
