"""What files say of their images: a module a format, found by how the content begins."""

from __future__ import annotations

from collections.abc import Callable

from degrade.images.headers.bmp import is_bmp, parse_bmp
from degrade.images.headers.by_pillow import (
    is_avif,
    is_jpeg2000,
    is_jpegxl,
    parse_avif,
    parse_jpeg2000,
    parse_jpegxl,
)
from degrade.images.headers.gif import is_gif, parse_gif
from degrade.images.headers.header import ImageHeader
from degrade.images.headers.heif import is_heif, parse_heif
from degrade.images.headers.jpeg import is_jpeg, parse_jpeg
from degrade.images.headers.png import is_png, parse_png
from degrade.images.headers.pnm import is_pnm, parse_pnm
from degrade.images.headers.raw import is_raw, parse_raw
from degrade.images.headers.tiff import parse_tiff
from degrade.images.headers.webp import is_webp, parse_webp
from degrade.images.tiff_directory import is_tiff

__all__ = ["PARSERS", "ImageHeader"]

PARSERS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], ImageHeader]], ...] = (
    (is_png, parse_png),
    (is_jpeg, parse_jpeg),
    (is_webp, parse_webp),
    (is_raw, parse_raw),  # some are TIFF, too
    (is_tiff, parse_tiff),
    (is_bmp, parse_bmp),
    (is_pnm, parse_pnm),
    (is_heif, parse_heif),
    (is_avif, parse_avif),
    (is_jpeg2000, parse_jpeg2000),
    (is_jpegxl, parse_jpegxl),
    (is_gif, parse_gif),
)
"""For each format: does a file begin so, and what does its header say. The first match counts."""
