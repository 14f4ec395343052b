"""What a HEIF file (HEIC, of phones) says of its image; read by libheif (pillow-heif)."""

from __future__ import annotations

from typing import Any

from degrade.errors import InvalidValueError
from degrade.images.headers.extras import NeedsExtraError
from degrade.images.headers.header import ImageHeader
from degrade.images.headers.isobmff import brands, is_cut

__all__ = ["HEIF_ERRORS", "is_heif", "open_heif", "parse_heif"]

_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
HEIF_ERRORS = (ValueError, RuntimeError, OSError, EOFError, SyntaxError, IndexError, KeyError)
"""What pillow-heif raises on files that it cannot read."""


def is_heif(data: bytes) -> bool:
    """Return whether data begin as a HEIF file does; AVIF, which is one too, has its own module."""
    found = brands(data)
    return not found.isdisjoint(_BRANDS) and found.isdisjoint((b"avif", b"avis"))


def open_heif(data: bytes) -> Any:
    """Return the primary image, not decoded yet, and the number of images.

    Raises
    ------
    NeedsExtraError
        The library is not installed.
    InvalidValueError
        It cannot read the file.
    """
    try:
        import pillow_heif
    except ImportError:
        raise NeedsExtraError("HEIC", "heic") from None
    try:
        file = pillow_heif.open_heif(data, convert_hdr_to_8bit=False)
        return file[file.primary_index], len(file)
    except HEIF_ERRORS as error:
        reason = str(error).removeprefix("Invalid input: ").removeprefix("Unspecified: ")
        raise InvalidValueError(f"its HEIC header is damaged ({reason})") from None


def parse_heif(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`.

    libheif turns the image as the container says, which is what counts: an orientation in EXIF
    only repeats it.
    """
    image, _ = open_heif(data)
    width, height = image.size
    channels = _CHANNELS.get(image.mode.partition(";")[0], 3)
    depth = int(image.info.get("bit_depth", 8))
    has_alpha = channels in (2, 4)
    return ImageHeader(
        "heif", width, height, channels, depth, has_alpha=has_alpha, missing_end=is_cut(data)
    )
