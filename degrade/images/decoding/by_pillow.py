"""Files decoded by Pillow, of the formats that OpenCV does not read."""

from __future__ import annotations

import numpy as np

from degrade.errors import InvalidValueError
from degrade.images.decoding.decoded import Decoded
from degrade.images.decoding.levels import split_channels
from degrade.images.headers import ImageHeader
from degrade.images.headers.by_pillow import PILLOW_ERRORS, open_by_pillow

__all__ = ["decode_by_pillow"]

_KEPT = ("L", "LA", "RGB", "RGBA", "I;16")


def decode_by_pillow(data: bytes, header: ImageHeader, name: str) -> Decoded:
    """Decode an image file whose format Pillow knows by ``name``."""
    image = open_by_pillow(data, name)
    try:
        image.load()
        kept = image if image.mode in _KEPT else image.convert("RGB")
        levels = np.asarray(kept)
    except PILLOW_ERRORS as error:
        reason = str(error).partition("\n")[0][:80]
        raise InvalidValueError(f"its pixels are damaged ({reason})") from None
    rgb, alpha, notes = split_channels(levels)
    if rgb.shape[:2] != (header.height, header.width):
        raise InvalidValueError("its pixels do not fill the size in its header")
    return Decoded(rgb, alpha, image.info.get("icc_profile") or None, notes)
