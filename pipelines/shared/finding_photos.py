"""Photos found in folders, files and manifests, and scanned: hash and size of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from degrade.errors import DegradeError, InputError, printable
from degrade.images.decoded_photos import DecodedPhoto
from degrade.images.image_io import IMAGE_SUFFIXES, MAX_PIXELS
from degrade.images.sources import Reject, SourceFile, find_images
from degrade.wording import counted
from pipelines.executors import Executor, InProcessExecutor
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.photo_scan import OpenPhoto, ScannedPhoto
from pipelines.shared.reports import ProgressCallback, no_progress, usual_reason

__all__ = ["find_photos", "is_same_place", "no_photo_error", "once_each", "scan_photos"]

_Known = TypeVar("_Known", ScannedPhoto, DecodedPhoto)


def find_photos(
    sources: Sequence[Path], *, max_pixels: int = MAX_PIXELS
) -> tuple[list[ScannedPhoto], list[Reject]]:
    """Find and scan the photos of ``sources``, each content once.

    Raises
    ------
    DegradeError
        No photo can be used; the text says why not.
    """
    files, rejects = find_images(sources)
    photos, unreadable = scan_photos(files, max_pixels=max_pixels)
    rejects += unreadable
    if not photos:
        raise no_photo_error(sources, rejects)
    return once_each(photos), rejects


def once_each(photos: Sequence[_Known]) -> list[_Known]:
    """Return the first photo of each content."""
    return list({photo.sha256: photo for photo in reversed(photos)}.values())[::-1]


def is_same_place(first: Path, second: Path) -> bool:
    """Tell whether both are one file or folder, however they are spelled."""
    try:
        return first.samefile(second)
    except OSError:
        return False


def no_photo_error(sources: Sequence[Path], rejects: Sequence[Reject]) -> DegradeError:
    """Return the error that says why there is no photo to use in ``sources``."""
    if not rejects:
        where = ", ".join(_shown(source) for source in sources)
        endings = " ".join(sorted(IMAGE_SUFFIXES))
        return DegradeError(f"no photo in {where}; a folder is searched for {endings}")
    return DegradeError(
        f"no photo can be used, {counted(len(rejects), 'input')} rejected: {usual_reason(rejects)}"
    )


def _shown(source: Path) -> str:
    """Return a folder's name, and what it is when a job of this project wrote it."""
    kinds = [kind for name, kind in FOLDER_KINDS.items() if (source / name).is_file()]
    return printable(source) + (f", which holds {kinds[0]}" if kinds else "")


def scan_photos(
    files: Sequence[SourceFile],
    *,
    max_pixels: int = MAX_PIXELS,
    executor: Executor | None = None,
    on_progress: ProgressCallback | None = None,
) -> tuple[list[ScannedPhoto], list[Reject]]:
    """Hash each file and read its header; what cannot be used is rejected by name.

    A file whose sha256 is stated (by a manifest or a pool) and differs is rejected too.

    Parameters
    ----------
    files : sequence of SourceFile
    max_pixels : int
    executor : Executor or None
        Where files are read, when there are many; None: in this process.
    on_progress : callable or None
        Called with (files scanned, files in all).

    Returns
    -------
    photos : list of ScannedPhoto
    rejects : list of Reject
        Both in the order of ``files``, whoever scanned them.
    """
    chunks = [
        _Chunk(tuple(files[i : i + _CHUNK]), max_pixels) for i in range(0, len(files), _CHUNK)
    ]
    if executor is None or len(chunks) == 1:
        executor = InProcessExecutor()
    scanned: dict[int, list[ScannedPhoto | Reject]] = {}
    done, report = 0, on_progress or no_progress
    for result in executor.run(_scan_chunk, chunks):
        chunk = chunks[result.index]
        scanned[result.index] = result.value or _scan_singly(chunk, executor)
        done += len(chunk.files)
        report(done, len(files))
    found = [item for index in range(len(chunks)) for item in scanned[index]]
    photos = [item for item in found if isinstance(item, ScannedPhoto)]
    return photos, [item for item in found if isinstance(item, Reject)]


# Enough to keep a worker busy for longer than it takes to hand over the work.
_CHUNK = 64


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Files that one task scans."""

    files: tuple[SourceFile, ...]
    max_pixels: int


def _scan_chunk(chunk: _Chunk) -> list[ScannedPhoto | Reject]:
    found: list[ScannedPhoto | Reject] = []
    for file in chunk.files:
        try:
            found.append(OpenPhoto(file, max_pixels=chunk.max_pixels).scanned)
        except InputError as error:
            found.append(Reject.from_error(error))
    return found


def _scan_singly(chunk: _Chunk, executor: Executor) -> list[ScannedPhoto | Reject]:
    """Scan the files of a chunk that killed its worker one by one, to name the one that did."""
    singles = [_Chunk((file,), chunk.max_pixels) for file in chunk.files]
    found: list[ScannedPhoto | Reject] = [Reject("", "")] * len(singles)
    for result in executor.run(_scan_chunk, singles):
        lost = Reject(str(chunk.files[result.index].path), str(result.error))
        found[result.index] = result.value[0] if result.value else lost
    return found
