"""Which camera took a photo, as far as its EXIF data tell."""

from __future__ import annotations

import struct
from pathlib import Path

from degrade.disk.files import open_regular
from degrade.errors import InputError

__all__ = ["camera_in", "read_camera"]

_MAKE, _MODEL = 271, 272
_ASCII = 2
_MOST_ENTRIES, _MOST_LETTERS = 512, 64
_HEAD_BYTES = 2**18
"""EXIF blocks are of at most 64 KiB and stand before the pixels in nearly all files."""

_MARKS = ((b"Exif\x00\x00", 6), (b"eXIf", 4), (b"EXIF", 8))
"""What precedes the block, and how far: in JPEG and some WebP, in PNG, in WebP with its length."""


def read_camera(path: Path) -> str | None:
    """Return the camera of a photo file, such as ``Canon EOS 350D``; None when it is not known."""
    try:
        with open_regular(path) as file:
            return camera_in(file.read(_HEAD_BYTES))
    except (InputError, OSError):
        return None


def camera_in(data: bytes) -> str | None:
    """Return make and model from the first bytes of an image file; None when they are not there.

    Whatever is damaged counts as not there.
    """
    block = _exif_block(data)
    if block is None:
        return None
    try:
        texts = _texts(block)
    except struct.error:
        return None
    make, model = texts.get(_MAKE, ""), texts.get(_MODEL, "")
    if any(model.lower().startswith(word) for word in make.lower().split()):
        return model
    return f"{make} {model}".strip() or None


def _exif_block(data: bytes) -> bytes | None:
    """Return what begins with a TIFF header."""
    if _is_tiff(data):
        return data
    for mark, length in _MARKS:
        start = data.find(mark)
        if start >= 0 and _is_tiff(data[start + length : start + length + 4]):
            return data[start + length :]
    return None


def _is_tiff(data: bytes) -> bool:
    return data[:4] in (b"II*\x00", b"MM\x00*")


def _texts(block: bytes) -> dict[int, str]:
    """Return make and model of the first directory."""
    order = "<" if block[:2] == b"II" else ">"
    (offset,) = struct.unpack(order + "I", block[4:8])
    (count,) = struct.unpack(order + "H", block[offset : offset + 2])
    texts = {}
    for number in range(min(count, _MOST_ENTRIES)):
        entry = offset + 2 + 12 * number
        tag, kind, length = struct.unpack(order + "HHI", block[entry : entry + 8])
        if tag not in (_MAKE, _MODEL) or kind != _ASCII:
            continue
        start = entry + 8
        if length > 4:
            (start,) = struct.unpack(order + "I", block[start : start + 4])
        raw = block[start : start + min(length, _MOST_LETTERS)].split(b"\x00")[0]
        texts[tag] = " ".join(raw.decode("ascii", "replace").split())
    return texts
