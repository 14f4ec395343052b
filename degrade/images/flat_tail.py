"""The sign of a photo whose transmission broke off: its last rows are of one colour."""

from __future__ import annotations

import numpy as np

from degrade.arrays import AnyArray

__all__ = ["flat_tail"]

_LEAST_ROWS, _LEAST_SHARE = 16, 20
_DARK, _BRIGHT = 1 / 16, 15 / 16


def flat_tail(pixels: AnyArray) -> int:
    """Return how many of the last stored rows a decoder seems to have filled in; 0: none.

    What decoders put there is mostly gray or green. Black and white rows are borders and nights,
    and so are rows of any colour that the first row has, too.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 or uint16 array
        As stored: files are written from the top down.
    """
    height = len(pixels)
    least = max(_LEAST_ROWS, height // _LEAST_SHARE)
    colour = pixels[-1, -1]
    if height <= least or (pixels[-1] != colour).any():
        return 0
    shares = colour / np.iinfo(pixels.dtype).max
    if shares.max() < _DARK or shares.min() > _BRIGHT or (pixels[0] == colour).all():
        return 0
    rows = 1
    while rows < height and (pixels[-1 - rows] == colour).all():
        rows += 1
    return rows if rows >= least else 0
