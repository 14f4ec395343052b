"""Files become pixels: a module a format, found by the format that the header gives."""

from __future__ import annotations

from degrade.images.decoding.bmp import decode_bmp
from degrade.images.decoding.decoded import Decoded, Decoder
from degrade.images.decoding.jpeg import decode_jpeg
from degrade.images.decoding.png import decode_png
from degrade.images.decoding.pnm import decode_pnm
from degrade.images.decoding.tiff import decode_tiff
from degrade.images.decoding.webp import decode_webp

__all__ = ["DECODERS", "Decoded", "Decoder"]

DECODERS: dict[str, Decoder] = {
    "bmp": decode_bmp,
    "jpeg": decode_jpeg,
    "png": decode_png,
    "pnm": decode_pnm,
    "tiff": decode_tiff,
    "webp": decode_webp,
}
"""The decoder of each :attr:`degrade.images.headers.ImageHeader.format`."""
