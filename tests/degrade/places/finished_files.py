"""Files that are made for a place, before they are published."""

from __future__ import annotations

from pathlib import Path

from degrade.pairs import (
    Place,
)


def finished(place: Place, content: bytes, name: str = "file") -> Path:
    path = place.make_temporary_folder("shard-00000") / name
    path.write_bytes(content)
    return path
