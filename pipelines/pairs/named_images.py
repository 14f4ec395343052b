"""Images of one side of a set of pairs, with what their names say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from degrade.field_names import FieldName, Side, composed, parse_name
from pipelines.shared.photo_scan import ScannedPhoto

__all__ = ["NamedImage", "Sides", "take_apart"]


@dataclass(frozen=True, slots=True, eq=False)
class NamedImage:
    """An image of one side, and what its name says; equal to itself alone."""

    photo: ScannedPhoto
    name: FieldName

    @classmethod
    def of(cls, photo: ScannedPhoto) -> NamedImage:
        """Return an image with its name read."""
        return cls(photo, parse_name(photo.name))

    @property
    def path(self) -> str:
        """The name with its folders and file type, composed."""
        return composed(self.photo.name)

    @property
    def without_type(self) -> str:
        """The path without the file type."""
        return str(PurePosixPath(self.path).with_suffix(""))

    @property
    def own(self) -> str:
        """The name as it is, in a folder without its marks."""
        stem = PurePosixPath(self.path).stem
        return (f"{self.name.folder}/{stem}" if self.name.folder else stem).casefold()

    @property
    def bare(self) -> str:
        """What both images of a pair share, in small letters."""
        return self.name.bare.casefold()


Sides: TypeAlias = tuple[list[NamedImage], list[NamedImage]]
"""HR and LR."""


def _identity(path: Path) -> object:
    """Return what all names and links of a file share; of one that has gone, its path."""
    try:
        status = path.stat()
    except OSError:
        return path
    return status.st_dev, status.st_ino


def take_apart(hr: Sequence[ScannedPhoto], lr: Sequence[ScannedPhoto]) -> Sides:
    """Leave each file on one side only, by whatever path each side names it."""
    files = {photo.path: _identity(photo.path) for photo in (*hr, *lr)}
    shared = {files[photo.path] for photo in hr} & {files[photo.path] for photo in lr}
    names = defaultdict(list)
    for photo in (*hr, *lr):
        if files[photo.path] in shared:
            names[files[photo.path]].append(parse_name(photo.name))
    sides: dict[str, set[Side]] = defaultdict(set)
    for name in chain.from_iterable(names.values()):
        if name.side:
            sides[name.bare.casefold()].add(name.side)

    def is_low(said: Sequence[FieldName]) -> bool:
        explicit = next((name.side for name in said if name.side), None)
        if explicit or not any(name.scale for name in said):
            return explicit == "lr"
        # A scale alone marks LR, or HR where the other image is marked as LR.
        return sides[said[0].bare.casefold()] != {"lr"}

    high = {file for file, said in names.items() if not is_low(said)}
    low = shared - high
    return (
        [NamedImage.of(photo) for photo in hr if files[photo.path] not in low],
        [NamedImage.of(photo) for photo in lr if files[photo.path] not in high],
    )
