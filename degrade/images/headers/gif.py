"""GIF, which is refused by name."""

from __future__ import annotations

from degrade.errors import InvalidValueError
from degrade.images.headers.header import ImageHeader

__all__ = ["is_gif", "parse_gif"]


def is_gif(data: bytes) -> bool:
    """Return whether data begin as a GIF file does."""
    return data[:6] in (b"GIF87a", b"GIF89a")


def parse_gif(data: bytes) -> ImageHeader:
    """Raise InvalidValueError that says why."""
    raise InvalidValueError("GIF holds 256 colours and animations, no photos: not supported")
