"""Images of two folders that have one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from degrade.errors import DegradeError, printable
from degrade.field_names import composed
from degrade.images.sources import Reject, SourceFile, find_images
from pipelines.shared.job import Job

__all__ = ["Twins", "by_stem", "find_twins", "stem_of"]


@dataclass(frozen=True, slots=True)
class Twins:
    """The two results of one photo.

    Attributes
    ----------
    name : str
        What both are called, with folders and without the file type.
    mse, gan : Path
    """

    name: str
    mse: Path
    gan: Path


def stem_of(name: str) -> str:
    """Return a name with its folders, without the file type."""
    return str(PurePosixPath(composed(name)).with_suffix(""))


def by_stem(job: Job, folder: Path) -> dict[str, SourceFile]:
    """Return the images of a folder by their names; two of one name are rejected."""
    files, rejects = find_images([folder])
    job.rejects += rejects
    named: dict[str, SourceFile] = {}
    for file in files:
        stem = stem_of(file.name)
        if stem in named:
            other = printable(named[stem].path)
            job.rejects.append(Reject(str(file.path), f"{other} has the same name", "rename one"))
            continue
        named[stem] = file
    return named


def find_twins(job: Job, mse: Path, gan: Path) -> list[Twins]:
    """Return the images that both folders have, by name; others are rejected.

    Raises
    ------
    DegradeError
        There is none.
    """
    sides: Sequence[Mapping[str, SourceFile]] = [by_stem(job, folder) for folder in (mse, gan)]
    shared = sorted(set(sides[0]) & set(sides[1]))
    for side, other in zip(sides, (gan, mse), strict=True):
        for stem in sorted(set(side) - set(shared)):
            reason = f"{printable(other)} has no image of this name"
            job.rejects.append(Reject(str(side[stem].path), reason, "give both results"))
    if not shared:
        raise DegradeError(
            f"no image of {printable(mse)} has the name of one of {printable(gan)}: results of one "
            "photo must have one name"
        )
    return [Twins(stem, sides[0][stem].path, sides[1][stem].path) for stem in shared]
