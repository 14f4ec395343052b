"""YCbCr samples of which a group of pixels shares the colours (TIFF 6.0, section 21)."""

from __future__ import annotations

import numpy as np

from degrade.arrays import AnyArray, U8Array
from degrade.errors import InvalidValueError
from degrade.images.tiff.pages import TiffPage

__all__ = ["subsampled_bytes", "subsampling", "unpack_subsampled"]


def subsampling(page: TiffPage) -> tuple[int, int]:
    """Return how many rows and columns share a colour.

    Raises
    ------
    InvalidValueError
        The page is stored so that it is not read.
    """
    across, down = ([*page.integers(530).tolist(), 2, 2])[:2] if 530 in page.entries else (2, 2)
    if across not in (1, 2, 4) or down not in (1, 2, 4) or page.bits != 8 or page.samples != 3:
        raise InvalidValueError(
            f"its YCbCr shares colours among {across}×{down} pixels of {page.bits} bits: "
            "save it as RGB"
        )
    if page.is_planar or page.integer(317, 1) != 1:
        raise InvalidValueError("its YCbCr is in planes or in differences: save it as RGB")
    return down, across


def subsampled_bytes(height: int, width: int, shared: tuple[int, int]) -> int:
    """Return the bytes of a segment: for each group its luminances, then two colours."""
    down, across = shared
    return -(-height // down) * -(-width // across) * (down * across + 2)


def unpack_subsampled(packed: U8Array, shared: tuple[int, int], out: AnyArray) -> None:
    """Fill (h, w, 3) samples; each pixel takes the colours of its group."""
    down, across = shared
    height, width = out.shape[:2]
    rows, columns = -(-height // down), -(-width // across)
    groups = packed.reshape(rows, columns, down * across + 2)
    luminance = groups[..., :-2].reshape(rows, columns, down, across).swapaxes(1, 2)
    out[..., 0] = luminance.reshape(rows * down, columns * across)[:height, :width]
    colours = np.repeat(np.repeat(groups[..., -2:], down, axis=0), across, axis=1)
    out[..., 1:] = colours[:height, :width]
