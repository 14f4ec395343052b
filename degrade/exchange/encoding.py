"""Pixels as an export stores them."""

from __future__ import annotations

import numpy as np

from degrade.arrays import U8Array
from degrade.exchange.formats import EXPORT_FORMATS, PNG_LEVEL, EncodedPair
from degrade.images.image_io import encode_png
from degrade.pairs import PairRecord

__all__ = ["encode_pair"]


def encode_pair(format: str, record: PairRecord, lr_u8: U8Array, hr_u8: U8Array) -> EncodedPair:
    """Return a pair as a format stores it; this is where an export spends its time.

    Parameters
    ----------
    format : str
        A name in :data:`EXPORT_FORMATS`.
    record : PairRecord
    lr_u8, hr_u8 : (h, w, 3) and (scale·h, scale·w, 3) uint8 arrays
        RGB.
    """
    if EXPORT_FORMATS[format].is_raw:
        lr, hr = (np.ascontiguousarray(side).tobytes() for side in (lr_u8, hr_u8))
    else:
        lr, hr = (encode_png(side, level=PNG_LEVEL) for side in (lr_u8, hr_u8))
    return EncodedPair(record, lr, hr)
