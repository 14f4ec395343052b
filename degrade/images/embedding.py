"""ICC profiles put into image files, in the way of each format."""

from __future__ import annotations

import struct
import zlib

from degrade.errors import InvalidValueError

__all__ = ["jpeg_with_profile", "png_profile_chunk", "webp_with_profile"]

_JPEG_MARK = b"ICC_PROFILE\0"
_JPEG_PART = 65533 - len(_JPEG_MARK) - 2
_WEBP_PROFILE, _WEBP_ALPHA = 0x20, 0x10


def png_profile_chunk(profile: bytes) -> bytes:
    """Return the content of PNG's iCCP chunk: a name, the method 0, the profile by deflate."""
    return b"ICC profile\0\0" + zlib.compress(profile)


def jpeg_with_profile(jpeg: bytes, profile: bytes) -> bytes:
    """Return a JPEG file with a profile in APP2 segments (ICC.1:2022, B.4), behind its APP0.

    Raises
    ------
    InvalidValueError
        The profile is larger than 255 segments.
    """
    parts = [profile[at : at + _JPEG_PART] for at in range(0, len(profile), _JPEG_PART)]
    if len(parts) > 255:
        raise InvalidValueError(f"a profile of {len(profile)} bytes does not fit into a JPEG")
    segments = b"".join(
        struct.pack(">HH", 0xFFE2, 2 + len(_JPEG_MARK) + 2 + len(part))
        + _JPEG_MARK
        + bytes((number, len(parts)))
        + part
        for number, part in enumerate(parts, 1)
    )
    place = 2
    if jpeg[2:4] == b"\xff\xe0":
        place += 2 + int.from_bytes(jpeg[4:6])
    return jpeg[:place] + segments + jpeg[place:]


def webp_with_profile(webp: bytes, profile: bytes, width: int, height: int) -> bytes:
    """Return a WebP file of one image with a profile: in the extended layout, which has a place."""
    flags, position, images = _WEBP_PROFILE, 12, b""
    while position + 8 <= len(webp):
        kind, length = struct.unpack_from("<4sI", webp, position)
        end = position + 8 + length + length % 2
        if kind == b"VP8X":
            flags |= webp[position + 8] & _WEBP_ALPHA
        else:
            if kind == b"VP8L":  # whose own header says whether there is alpha
                flags |= _WEBP_ALPHA if webp[position + 12] & 0x10 else 0
            images += webp[position:end]
        position = end
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = _webp_chunk(b"VP8X", bytes((flags, 0, 0, 0)) + size)
    chunks += _webp_chunk(b"ICCP", profile) + images
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def _webp_chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
