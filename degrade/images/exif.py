"""Which camera took a photo, as far as its EXIF data tell."""

from __future__ import annotations

import struct
from pathlib import Path

from degrade.disk.files import open_regular
from degrade.errors import InputError
from degrade.images.tiff_directory import TiffDirectory, is_tiff

__all__ = ["camera_in", "iso_in", "read_camera"]

_MAKE, _MODEL = 271, 272
_INNER, _ISO = 0x8769, 0x8827
_ASCII = 2
_MOST_ENTRIES, _MOST_LETTERS = 512, 64
_HEAD_BYTES = 2**18
"""EXIF blocks are of at most 64 KiB and stand before the pixels in nearly all files."""

_MARKS = ((b"Exif\x00\x00", 6), (b"EXIF", 8))
"""What precedes the block, and how far: in JPEG and some WebP, in WebP with its length."""


def read_camera(path: Path) -> str | None:
    """Return the camera of a photo file, such as ``Canon EOS 350D``; None when it is not known."""
    try:
        with open_regular(path) as file:
            return camera_in(file.read(_HEAD_BYTES))
    except (InputError, OSError):
        return None


def camera_in(data: bytes) -> str | None:
    """Return make and model from an image file, or its first bytes; None when they are not there.

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
    if is_tiff(data):
        return data
    if data.startswith(b"\x89PNG"):
        return _png_block(data)
    end = _HEAD_BYTES
    if data.startswith(b"\xff\xd8"):  # in a JPEG it stands before the pixels
        pixels = data.find(b"\xff\xda", 0, end)
        end = pixels if pixels > 0 else end
    for mark, length in _MARKS:
        start = data.find(mark, 0, end)
        if start >= 0 and is_tiff(data[start + length : start + length + 4]):
            return data[start + length : start + length + _HEAD_BYTES]
    return None


def _png_block(data: bytes) -> bytes | None:
    """Return the chunk ``eXIf``, wherever it stands."""
    at = 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        if data[at + 4 : at + 8] == b"eXIf":
            block = data[at + 8 : at + 8 + length]
            return block if is_tiff(block) else None
        at += 12 + length
    return None


def _texts(block: bytes) -> dict[int, str]:
    """Return make and model of the first directory."""
    directory, texts = TiffDirectory.read(block), {}
    for entry in directory.entries(_MOST_ENTRIES):
        if entry.tag in (_MAKE, _MODEL) and entry.type == _ASCII:
            raw = directory.value_bytes(entry, entry.count, _MOST_LETTERS).split(b"\x00")[0]
            texts[entry.tag] = " ".join(raw.decode("ascii", "replace").split())
    return texts


def iso_in(data: bytes) -> int | None:
    """Return the ISO setting from an image file, or its first bytes; None when it is not there."""
    block = _exif_block(data)
    if block is None:
        return None
    try:
        inner = _first_integer(TiffDirectory.read(block), _INNER)
        found = inner and _first_integer(TiffDirectory.read(block, inner), _ISO)
    except (struct.error, OverflowError, ValueError):
        return None
    return found or None


def _first_integer(directory: TiffDirectory, tag: int) -> int:
    for entry in directory.entries(_MOST_ENTRIES):
        if entry.tag == tag and 1 <= entry.count <= 4:
            return max(int(directory.integers(entry)[:1].sum()), 0)
    return 0
