"""WebP, by OpenCV."""

from __future__ import annotations

from dataclasses import replace

from degrade.images.decoding.by_opencv import decode_by_opencv
from degrade.images.decoding.decoded import Decoded
from degrade.images.headers import ImageHeader

__all__ = ["decode_webp"]

_LOSSY = b"VP8 "
_CHUNKS = 12
"""Where they begin."""


def decode_webp(data: bytes, header: ImageHeader) -> Decoded:
    """Decode a WebP file; as :data:`degrade.images.decoding.decoded.Decoder` says.

    Lossy WebP has neither checksums nor codes that cannot be: whether its pixels are sound nobody
    can tell, and a note says so.
    """
    decoded = decode_by_opencv(data, header)
    if not _is_lossy(data):
        return decoded
    return replace(decoded, notes=(*decoded.notes, "lossy WebP, damage cannot be told"))


def _is_lossy(data: bytes) -> bool:
    place = _CHUNKS
    while place + 8 <= len(data):
        if data[place : place + 4] == _LOSSY:
            return True
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8 + length + length % 2
    return False
