"""Finding the image files that a user named: files, folders and manifests."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter, deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from degrade.disk.files import open_regular
from degrade.errors import DegradeError, InputError
from degrade.images.image_io import FOREIGN_SUFFIXES, IMAGE_SUFFIXES
from degrade.images.manifest import listed_file, read_manifest
from degrade.images.result_folders import results_in

__all__ = ["MANIFEST_SUFFIX", "Reject", "SourceFile", "find_images", "hash_file", "passed_over"]

MANIFEST_SUFFIX = ".jsonl"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """An image file to use.

    Attributes
    ----------
    path : Path
        A regular file when it was found.
    name : str
        For people: relative to the folder or manifest that was given.
    sha256 : str or None
        What a manifest states; not checked yet.
    """

    path: Path
    name: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """An input that could not be used, and why; what ``rejects.jsonl`` holds."""

    path: str
    reason: str
    remedy: str = ""

    @classmethod
    def from_error(cls, error: InputError) -> Reject:
        """Return the record of an error."""
        return cls(error.path, error.reason, error.remedy)

    def to_json(self) -> dict[str, str]:
        """Return the record as plain Python values."""
        return {"path": self.path, "reason": self.reason, "remedy": self.remedy}

    def __str__(self) -> str:
        return str(InputError(self.path, self.reason, self.remedy))


_Identity = tuple[int, int]
"""Device and inode: the same for every name and link of a file."""

_Reached = tuple[_Identity, bool, SourceFile]
"""Which file it is, whether a link led there, and by what name."""

_Found = _Reached | Reject


def find_images(
    sources: Sequence[Path], *, suffixes: Collection[str] = IMAGE_SUFFIXES | FOREIGN_SUFFIXES
) -> tuple[list[SourceFile], list[Reject]]:
    """Find the image files that ``sources`` name; nothing but folders and manifests is opened.

    Parameters
    ----------
    sources : sequence of Path
        Files, taken whatever their ending; folders, searched with all below them for the endings
        of ``suffixes``, hidden names and folders of results below them passed over
        (:mod:`degrade.images.result_folders`); JSONL manifests (``.jsonl``), each of
        whose paths must stay inside the manifest's folder.
    suffixes : collection of str
        Lower-case endings; others than those of images find other kinds of files.

    Returns
    -------
    files : list of SourceFile
        Sorted by the bytes of their names, then paths, whatever the order of ``sources``. A file
        that is reached twice is there once, by its own name rather than by a link's.
    rejects : list of Reject
        What is missing, unreadable, no regular file, or outside its manifest's folder.
    """
    found = [item for source in sources for item in _find(source, suffixes)]
    files = [item for item in found if isinstance(item, tuple)]
    rejects = {item for item in found if isinstance(item, Reject)}
    return _once_each(files), sorted(rejects, key=lambda reject: (reject.path, reject.reason))


def _order(file: SourceFile) -> tuple[bytes, bytes, str]:
    return os.fsencode(file.name), os.fsencode(file.path), file.sha256 or ""


def _once_each(found: Sequence[_Reached]) -> list[SourceFile]:
    unique: dict[_Identity, SourceFile] = {}
    for identity, _, file in sorted(found, key=lambda item: (item[1], *_order(item[2]))):
        first = unique.setdefault(identity, file)
        if first.sha256 is None and file.sha256 is not None:
            unique[identity] = replace(first, sha256=file.sha256)
    return sorted(unique.values(), key=_order)


def _find(source: Path, suffixes: Collection[str]) -> Iterator[_Found]:
    try:
        mode = source.stat().st_mode
    except (OSError, ValueError) as error:
        yield _unreadable(source, error)
        return
    if stat.S_ISDIR(mode):
        yield from _search(source, suffixes)
    elif source.suffix.lower() == MANIFEST_SUFFIX:
        yield from _from_manifest(source)
    else:
        yield _regular(source, source.name)


def _regular(
    path: Path, name: str, sha256: str | None = None, *, through_link: bool = False
) -> _Found:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        return _unreadable(path, error)
    if not stat.S_ISREG(status.st_mode):
        return Reject(str(path), "not a regular file", "give a file or a folder")
    is_linked = through_link or path.is_symlink()
    return (status.st_dev, status.st_ino), is_linked, SourceFile(path, name, sha256)


def _unreadable(path: Path, error: Exception) -> Reject:
    if isinstance(error, FileNotFoundError):
        return Reject(str(path), "does not exist", "check the path")
    reason = getattr(error, "strerror", None) or str(error)
    return Reject(str(path), f"cannot be read ({reason})", "check path and permissions")


def _search(root: Path, suffixes: Collection[str]) -> Iterator[_Found]:
    """Walk a folder; linked folders come last, so that names through links never win."""
    folders, linked, visited = deque([root]), deque[Path](), set[tuple[int, int]]()
    results = set[Path]()
    through_link = False
    while folders or linked:
        through_link |= not folders
        folder = folders.popleft() if folders else linked.popleft()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: os.fsencode(entry.name))
        except OSError as error:
            yield _unreadable(folder, error)
            continue
        # Whoever names a folder of results wants them.
        found = set() if folder == root else results_in(folder, {e.name for e in entries})
        if found is None:
            continue
        results |= found
        for entry in entries:
            path = Path(entry.path)
            if entry.name.startswith(".") or path in results:
                continue
            try:
                is_folder = entry.is_dir()
            except OSError as error:  # such as a link that leads to itself
                yield _unreadable(path, error)
                continue
            if is_folder:
                (linked if entry.is_symlink() else folders).append(path)
            elif path.suffix.lower() in suffixes:
                name = str(path.relative_to(root))
                yield _regular(path, name, through_link=through_link)


def _from_manifest(manifest: Path) -> Iterator[_Found]:
    try:
        entries = read_manifest(manifest)
    except InputError as error:
        yield Reject.from_error(error)
        return
    for entry in entries:
        try:
            path, name = listed_file(manifest.parent, entry.path)
        except InputError as error:
            yield Reject.from_error(error)
            continue
        except DegradeError:
            yield Reject(
                entry.path,
                f"leads outside the folder of {manifest.name}",
                "move the file under that folder, or the manifest above the file",
            )
            continue
        yield _regular(path, name, entry.sha256)


def passed_over(
    sources: Sequence[Path],
    *,
    suffixes: Collection[str] = IMAGE_SUFFIXES | FOREIGN_SUFFIXES,
    besides: Collection[str] = (),
) -> dict[str, int]:
    """Return how many files :func:`find_images` passes over in folders, by their endings.

    Parameters
    ----------
    sources : sequence of Path
    suffixes : collection of str
        Endings of those that are not passed over.
    besides : collection of str
        Names of files that are not counted.

    Returns
    -------
    dict of str to int
        The most frequent endings first, in lower case; empty for files without one.
    """
    counts: Counter[str] = Counter()
    for source in sources:
        for folder, below, names in os.walk(source):
            below[:] = [name for name in below if not name.startswith(".")]
            for name in names:
                ending = Path(name).suffix.lower()
                path = Path(folder, name)
                is_told = not name.startswith(".") and name not in besides
                if ending not in suffixes and is_told and path.is_file():
                    counts[ending] += 1
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a regular file's bytes in hex.

    Raises
    ------
    InputError
        The path is missing, unreadable or no regular file.
    """
    with open_regular(path) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            what = f"cannot be read ({error.strerror})"
            raise InputError(path, what, "copy it again from its source") from None
