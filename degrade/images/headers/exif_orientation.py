"""Which way up a photo is, as EXIF blocks and TIFF files say it."""

from __future__ import annotations

import struct

from degrade.images.tiff_directory import TiffDirectory, is_tiff

__all__ = ["exif_orientation", "integer_tags", "valid_orientation"]

_ORIENTATION = 274


def exif_orientation(exif: bytes) -> int:
    """Return the orientation of an EXIF block; 1 when the block is damaged, as viewers do."""
    try:
        if not is_tiff(exif):
            return 1
        return valid_orientation(integer_tags(exif)[0].get(_ORIENTATION, [1])[0])
    except (struct.error, IndexError):
        return 1


def valid_orientation(value: int) -> int:
    """Return the orientation, or 1 for what is none."""
    return value if 1 <= value <= 8 else 1


def integer_tags(data: bytes) -> tuple[dict[int, list[int]], int]:
    """Return the integer tags of the first directory and the offset of the next one (0: none)."""
    directory = TiffDirectory.read(data)
    tags: dict[int, list[int]] = {}
    for entry in directory.entries():
        code = {1: "B", 3: "H", 4: "I"}.get(entry.type)
        if code is None or entry.count > 64:
            continue
        values = directory.value_bytes(entry, struct.calcsize(code) * entry.count)
        tags[entry.tag] = list(struct.unpack(f"{directory.order}{entry.count}{code}", values))
    return tags, directory.following()
