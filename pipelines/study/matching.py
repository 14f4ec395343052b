"""Which files of several folders show one image, by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from degrade.errors import DegradeError, printable
from degrade.field_names import composed, parse_name
from degrade.images.sources import Reject, SourceFile, find_images
from pipelines.shared.job import Job

__all__ = ["match_sides"]


def match_sides(job: Job, sides: Mapping[str, Path]) -> list[tuple[str, dict[str, SourceFile]]]:
    """Return the images that all folders have.

    Names count with their folders and without the file type. What is left then counts without the
    marks of the field's sets, so ``0801x4`` is ``0801``.

    Parameters
    ----------
    job : Job
        Gets a reject for each file without twins.
    sides : mapping of str to Path
        What each folder holds, such as the name of a method.

    Returns
    -------
    list of (str, dict of str to SourceFile)
        By name, each with its file in each folder.

    Raises
    ------
    DegradeError
        There is none.
    """
    found = {side: _named(job, folder) for side, folder in sides.items()}
    matched: list[tuple[str, dict[str, SourceFile]]] = []
    shared = set.intersection(*(set(files) for files in found.values()))
    for name in shared:
        matched.append((name, {side: files.pop(name) for side, files in found.items()}))
    bare = {side: _bare(job, files) for side, files in found.items()}
    common = set.intersection(*(set(files) for files in bare.values()))
    for name in common:
        matched.append((name, {side: files.pop(name) for side, files in bare.items()}))
    for side, files in bare.items():
        for name, file in sorted(files.items()):
            lacking = [
                printable(sides[other])
                for other in bare
                if other != side and name not in bare[other]
            ]
            reason = (
                f"{' and '.join(lacking)} {'has' if len(lacking) == 1 else 'have'} no such image"
            )
            job.rejects.append(
                Reject(str(file.path), reason, "give all results of one image one name")
            )
    if not matched:
        folders = ", ".join(printable(folder) for folder in sides.values())
        reason = f": {job.rejects[0]}" if job.rejects else ""
        raise DegradeError(f"no image is in all of {folders}{reason}")
    return sorted(matched, key=lambda each: each[0])


def _named(job: Job, folder: Path) -> dict[str, SourceFile]:
    files, rejects = find_images([folder])
    job.rejects += rejects
    job.tell_passed_over([folder])
    names = {file: str(PurePosixPath(composed(file.name)).with_suffix("")) for file in files}
    return _once_each(job, names)


def _bare(job: Job, files: Mapping[str, SourceFile]) -> dict[str, SourceFile]:
    return _once_each(
        job, {file: parse_name(file.name).bare.casefold() or name for name, file in files.items()}
    )


def _once_each(job: Job, names: Mapping[SourceFile, str]) -> dict[str, SourceFile]:
    """Return files by name; those of which several have one name are rejected."""
    groups: dict[str, list[SourceFile]] = defaultdict(list)
    for file, name in names.items():
        groups[name].append(file)
    for group in groups.values():
        for file in group if len(group) > 1 else ():
            other = next(each for each in group if each is not file)
            reason = f"{printable(other.path)} has the same name"
            job.rejects.append(Reject(str(file.path), reason, "rename or remove one"))
    return {name: group[0] for name, group in groups.items() if len(group) == 1}
