"""What Pillow says of an image without decoding it: AVIF, JPEG 2000, JPEG XL."""

from __future__ import annotations

import io
import struct
import warnings

from degrade.errors import InvalidValueError
from degrade.images.headers.extras import NeedsExtraError
from degrade.images.headers.header import ImageHeader
from degrade.images.headers.isobmff import brands, is_cut
from degrade.images.headers.turning import valid_orientation
from degrade.images.pillow import Image

__all__ = [
    "PILLOW_ERRORS",
    "is_avif",
    "is_jpeg2000",
    "is_jpegxl",
    "open_by_pillow",
    "parse_avif",
    "parse_jpeg2000",
    "parse_jpegxl",
]

PILLOW_ERRORS = (
    *(OSError, ValueError, SyntaxError, EOFError, KeyError, TypeError),
    *(RuntimeError, struct.error),
)
"""What Pillow and its plugins raise on files that they cannot read."""

_CODESTREAM = b"\xff\x4f\xff\x51"
_CHANNELS = {"1": 1, "L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "I;16": 1, "CMYK": 4}


def is_avif(data: bytes) -> bool:
    """Return whether data begin as an AVIF file does."""
    return not brands(data).isdisjoint((b"avif", b"avis"))


def is_jpeg2000(data: bytes) -> bool:
    """Return whether data begin as a JPEG 2000 file or codestream does."""
    return data[:8] == b"\x00\x00\x00\x0cjP  " or data.startswith(_CODESTREAM)


def is_jpegxl(data: bytes) -> bool:
    """Return whether data begin as a JPEG XL file or codestream does."""
    return data[:8] == b"\x00\x00\x00\x0cJXL " or data.startswith(b"\xff\x0a")


def open_by_pillow(data: bytes, name: str) -> Image.Image:
    """Return an image that is not decoded yet.

    Raises
    ------
    InvalidValueError
        Pillow cannot read it; the text begins with ``name``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it passes over in a header
            return Image.open(io.BytesIO(data), formats=[name])
    except PILLOW_ERRORS:
        raise InvalidValueError(f"its {_NAMES[name]} header is damaged") from None


_NAMES = {"AVIF": "AVIF", "JPEG2000": "JPEG 2000", "JXL": "JPEG XL"}


def _header(image: Image.Image, format: str, depth: int, orientation: int = 1) -> ImageHeader:
    channels = _CHANNELS.get(image.mode, 3)
    return ImageHeader(
        format,
        *image.size,
        channels,
        depth,
        orientation,
        is_animated=getattr(image, "n_frames", 1) > 1,
        is_cmyk=image.mode == "CMYK",
        has_alpha=image.mode in ("LA", "RGBA", "PA"),
    )


def parse_avif(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`.

    Pillow gives the turns that the container tells as an orientation, which is not in EXIF twice.
    """
    from PIL import features

    if not features.check("avif"):
        raise InvalidValueError("AVIF inside, and this Pillow reads none; install a newer one")
    if is_cut(data):
        raise InvalidValueError("the file was cut short")
    image = open_by_pillow(data, "AVIF")
    return _header(image, "avif", 8, valid_orientation(image.getexif().get(274, 1)))


def parse_jpeg2000(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`."""
    place = data.find(_CODESTREAM)
    depth = (data[place + 42] & 0x7F) + 1 if place >= 0 else 8
    return _header(open_by_pillow(data, "JPEG2000"), "jpeg2000", depth)


def parse_jpegxl(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`.

    The decoder turns the image itself; an orientation in EXIF only repeats what the format tells.
    """
    try:
        import pillow_jxl  # noqa: F401  what it is imported for: Pillow then reads the format
    except ImportError:
        raise NeedsExtraError("JPEG XL", "jxl") from None
    return _header(open_by_pillow(data, "JXL"), "jpegxl", 8)
