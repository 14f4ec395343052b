"""Files become pixels: a module a format, found by the format that the header gives."""

from __future__ import annotations

from degrade.images.decoding.avif import decode_avif
from degrade.images.decoding.bmp import decode_bmp
from degrade.images.decoding.decoded import Decoded, Decoder
from degrade.images.decoding.heif import decode_heif
from degrade.images.decoding.jpeg import decode_jpeg
from degrade.images.decoding.jpeg2000 import decode_jpeg2000
from degrade.images.decoding.jpegxl import decode_jpegxl
from degrade.images.decoding.png import decode_png
from degrade.images.decoding.pnm import decode_pnm
from degrade.images.decoding.raw import decode_raw
from degrade.images.decoding.tiff import decode_tiff
from degrade.images.decoding.webp import decode_webp

__all__ = ["DECODERS", "Decoded", "Decoder"]

DECODERS: dict[str, Decoder] = {
    "avif": decode_avif,
    "bmp": decode_bmp,
    "heif": decode_heif,
    "jpeg": decode_jpeg,
    "jpeg2000": decode_jpeg2000,
    "jpegxl": decode_jpegxl,
    "png": decode_png,
    "pnm": decode_pnm,
    "raw": decode_raw,
    "tiff": decode_tiff,
    "webp": decode_webp,
}
"""The decoder of each :attr:`degrade.images.headers.ImageHeader.format`."""
