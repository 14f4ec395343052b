"""Which way up a photo is, as EXIF and XMP blocks say it; read as Pillow and libexif do."""

from __future__ import annotations

import re
import struct
import zlib

from degrade.images.tiff_directory import TiffDirectory, is_tiff

__all__ = [
    "EXIF_MARK",
    "exif_of_text",
    "exif_orientation",
    "first_value",
    "orientation_of",
    "valid_orientation",
]

EXIF_MARK = b"Exif\x00\x00"
_ORIENTATION = 274
_XMP_ORIENTATION = re.compile(rb"tiff:Orientation\s*(?:=\s*[\"']|>)\s*(\d)")
_MOST_TEXT = 1 << 20


def orientation_of(exif: bytes | None, xmp: bytes | None = None) -> int:
    """Return the orientation that EXIF tells, or XMP where that says nothing of it; else 1."""
    found = None if exif is None else exif_orientation(exif)
    if found is None and xmp is not None:
        said = _XMP_ORIENTATION.search(xmp)
        found = int(said.group(1)) if said else None
    return valid_orientation(1 if found is None else found)


def exif_orientation(exif: bytes) -> int | None:
    """Return what an EXIF block has for its orientation; None when it says nothing."""
    return first_value(exif.removeprefix(EXIF_MARK), _ORIENTATION)


def first_value(block: bytes, tag: int) -> int | None:
    """Return the first integer of a tag of a block's first directory, of any type and count.

    None when it is not there. What is damaged before and behind it does not matter.
    """
    if not is_tiff(block):
        return None
    try:
        directory = TiffDirectory.read(block)
        for entry in directory.entries():
            if entry.tag == tag:
                values = directory.integers(entry)
                return int(values[0]) if values.size else None
    except struct.error:
        pass
    return None


def exif_of_text(chunk: bytes, *, is_packed: bool) -> bytes | None:
    """Return the EXIF block in a PNG chunk of text, as ImageMagick and exiftool write it in hex.

    None when the text is another.
    """
    name, _, text = chunk.partition(b"\x00")
    if name not in (b"Raw profile type exif", b"Raw profile type APP1"):
        return None
    try:
        if is_packed:
            text = zlib.decompressobj().decompress(text[1:], _MOST_TEXT)
        # A line break, the name, the number of bytes, and lines of hex.
        return bytes.fromhex(b"".join(text.split(b"\n")[3:]).decode("ascii"))
    except (zlib.error, ValueError):
        return None


def valid_orientation(value: int) -> int:
    """Return the orientation, or 1 for what is none."""
    return value if 1 <= value <= 8 else 1
