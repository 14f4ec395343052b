"""What a TIFF file says of its photo (TIFF 6.0, BigTIFF)."""

from __future__ import annotations

from degrade.images.headers.header import ImageHeader
from degrade.images.tiff.pages import Photometric, photo_page

__all__ = ["parse_tiff"]


def parse_tiff(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`.

    Smaller copies and masks beside the photo are passed over; files of several photos, and those
    of cameras' sensors, are refused.
    """
    page, _, orientation = photo_page(data)
    return ImageHeader(
        "tiff",
        page.width,
        page.height,
        page.samples,
        page.bits,
        orientation,
        is_float=3 in page.sample_formats,
        is_cmyk=page.photometric == Photometric.CMYK,
        has_alpha=page.alpha is not None,
    )
