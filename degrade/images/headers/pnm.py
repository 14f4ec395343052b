"""What a file of the Netpbm family says of its image."""

from __future__ import annotations

import re

from degrade.errors import InvalidValueError
from degrade.images.headers.header import ImageHeader

__all__ = ["is_pnm", "parse_pnm"]

_MAGIC = re.compile(rb"P[1-6]\s")
_FIELD = re.compile(rb"(?:\s|#[^\n]*\n)*(\d+)")


def is_pnm(data: bytes) -> bool:
    """Return whether data begin as a PBM, PGM or PPM file does."""
    return _MAGIC.match(data) is not None


def parse_pnm(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`."""
    fields: list[int] = []
    position, wanted = 2, 2 if data[1:2] in b"14" else 3
    while len(fields) < wanted:
        found = _FIELD.match(data, position)
        if found is None:
            raise InvalidValueError("its PNM header is damaged")
        fields.append(int(found.group(1)[:9]))
        position = found.end()
    channels = 3 if data[1:2] in b"36" else 1
    peak = fields[2] if wanted == 3 else 255
    if peak not in (255, 65535):
        # The decoder leaves such values as they are: a photo too dark by that factor.
        raise InvalidValueError(f"its PNM header gives white as {peak}, not as 255 or 65535")
    depth = 16 if peak > 255 else 8
    return ImageHeader("pnm", fields[0], fields[1], channels, depth)
