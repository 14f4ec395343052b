"""What a set's files put behind the names that they share with another set's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import PurePath, PurePosixPath

from degrade.field_names import composed, parse_name
from pipelines.shared.photo_scan import ScannedPhoto

__all__ = ["common_ending", "common_template", "without_ending"]

_PARTING = "-_. "
"""What parts an ending from a name."""


def common_template(hr: Sequence[ScannedPhoto], results: Sequence[ScannedPhoto]) -> str | None:
    """Return what all results put behind the names of HR, such as ``{name}_out``, if it is one."""
    names = sorted({_stem(photo) for photo in hr} | {_bare(photo) for photo in hr}, key=len)
    endings = set()
    for photo in results:
        stem = _stem(photo)
        longest = next((name for name in reversed(names) if name and stem.startswith(name)), None)
        if longest is None:
            return None
        endings.add(stem.removeprefix(longest))
    if len(endings) != 1 or set("{}") & set(next(iter(endings))):
        return None
    return f"{{name}}{endings.pop()}"


def common_ending(photos: Sequence[ScannedPhoto]) -> str:
    """Return the longest ending of all names that a mark such as ``_`` parts, or nothing.

    Of one photo alone nobody can say where its name ends.
    """
    stems = [PurePosixPath(composed(photo.name)).stem for photo in photos]
    if len(set(stems)) < 2:
        return ""
    columns = zip(*(reversed(stem) for stem in stems), strict=False)
    shared = len([*takewhile(lambda letters: len(set(letters)) == 1, columns)])
    common = stems[0][len(stems[0]) - shared :]
    ending = common[
        min((common.index(mark) for mark in _PARTING if mark in common), default=shared) :
    ]
    return "" if ending in stems else ending


def without_ending(photo: ScannedPhoto, ending: str) -> ScannedPhoto:
    """Return a photo under the name that is left; the file is the same."""
    path = PurePosixPath(composed(photo.name))
    return replace(photo, name=str(path.with_name(path.stem.removesuffix(ending) + path.suffix)))


def _stem(photo: ScannedPhoto) -> str:
    return PurePath(composed(photo.name)).stem.casefold()


def _bare(photo: ScannedPhoto) -> str:
    return PurePath(parse_name(photo.name).stem).name.casefold()
