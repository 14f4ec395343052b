"""What a file of the Netpbm family says of its image."""

from __future__ import annotations

import re

from degrade.errors import InvalidValueError
from degrade.images.headers.header import ImageHeader

__all__ = ["is_pnm", "parse_pnm", "samples_at"]

_MAGIC = re.compile(rb"P[1-6]\s")
_FIELD = re.compile(rb"(?:\s|#[^\n]*\n)*(\d+)")


def is_pnm(data: bytes) -> bool:
    """Return whether data begin as a PBM, PGM or PPM file does."""
    return _MAGIC.match(data) is not None


def parse_pnm(data: bytes) -> ImageHeader:
    """Return the header; as :func:`degrade.images.image_header.read_header`."""
    fields, position = _fields(data)
    channels = 3 if data[1:2] in b"36" else 1
    peak = fields[2] if len(fields) == 3 else 1
    if not 1 <= peak <= 65535:
        raise InvalidValueError(f"its PNM header gives white as {peak}")
    least = position + _least_bytes(data[1:2], fields[0], fields[1], channels, peak)
    depth = 16 if peak > 255 else 8
    return ImageHeader("pnm", fields[0], fields[1], channels, depth, least_bytes=least, white=peak)


def samples_at(data: bytes) -> int:
    """Return where the header ends: one space and the samples follow."""
    return _fields(data)[1]


def _fields(data: bytes) -> tuple[list[int], int]:
    """Return width, height and, but for bitmaps, white; and where they end."""
    fields: list[int] = []
    position, wanted = 2, 2 if data[1:2] in b"14" else 3
    while len(fields) < wanted:
        found = _FIELD.match(data, position)
        if found is None:
            raise InvalidValueError("its PNM header is damaged")
        fields.append(int(found.group(1)[:9]))
        position = found.end()
    return fields, position


def _least_bytes(kind: bytes, width: int, height: int, channels: int, peak: int) -> int:
    """Return how many bytes follow the header at the least."""
    if kind == b"4":
        return 1 + -(-width // 8) * height
    samples = width * height * channels
    if kind in b"56":
        return 1 + samples * (1 if peak < 256 else 2)
    return samples if kind == b"1" else 2 * samples  # digits, and spaces between numbers
