"""Clean photos for training, decoded once into a folder that later runs find again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from degrade.degradation import clean_up
from degrade.errors import InputError
from degrade.images.decoded_photos import DecodedPhoto, DecodedPhotos, store_photo
from degrade.images.image_io import MAX_PIXELS
from degrade.images.sources import Reject, SourceFile, find_images
from pipelines.executors import InProcessExecutor, ProcessExecutor, WorkerDiedError
from pipelines.shared.finding_photos import no_photo_error, once_each
from pipelines.shared.photo_scan import OpenPhoto, is_unchanged
from pipelines.shared.reports import ProgressCallback, no_progress

__all__ = ["decode_photos", "known_photos"]


@dataclass(frozen=True, slots=True)
class _Task:
    """A photo to decode."""

    file: SourceFile
    folder: Path
    max_pixels: int
    clean_up: int


def decode_photos(
    sources: Sequence[Path],
    store: DecodedPhotos,
    *,
    workers: int = 0,
    max_pixels: int = MAX_PIXELS,
    on_progress: ProgressCallback | None = None,
    on_copies: Callable[[int, int], None] | None = None,
) -> tuple[list[DecodedPhoto], list[Reject]]:
    """Find photos and decode those that the store does not have; a run that is killed goes on.

    Parameters
    ----------
    sources : sequence of Path
        Files, folders, manifests.
    store : DecodedPhotos
        Where the pixels are kept, halved or not.
    workers : int
        Processes that decode; 0 decodes in this one.
    max_pixels : int
        Larger photos are rejected before they are decoded.
    on_progress : callable or None
        Called with (photos that are there, photos in all).
    on_copies : callable or None
        Called with (photos that can be used, how many of them differ), once all are there.

    Returns
    -------
    photos : list of DecodedPhoto
        Each content once, in the order of their names.
    rejects : list of Reject
        What cannot be used.

    Raises
    ------
    DegradeError
        No photo can be used, or the store cannot be written to, such as a full disk.
    """
    files, rejects = find_images([source.absolute() for source in sources])
    report = on_progress or no_progress
    with store.adding() as journal:
        known = {path: photo for path, photo in store.known().items() if is_unchanged(photo)}
        found = {n: known[str(f.path)] for n, f in enumerate(files) if _is_known(f, known)}
        missing = [number for number in range(len(files)) if number not in found]
        report(len(found), len(files))
        rest = store.folder, max_pixels, store.clean_up
        tasks = [_Task(files[number], *rest) for number in missing]
        executor = ProcessExecutor(workers) if workers > 1 else InProcessExecutor()
        for count, result in enumerate(executor.run(_decode, tasks), len(found) + 1):
            report(count, len(files))
            if isinstance(result.error, InputError):
                rejects.append(Reject.from_error(result.error))
            elif isinstance(result.error, WorkerDiedError):
                rejects.append(Reject(str(files[missing[result.index]].path), str(result.error)))
            else:
                photo = found[missing[result.index]] = result.get()
                journal.append(msgspec.to_builtins(photo))
    if not found:
        raise no_photo_error(sources, rejects)
    photos = once_each([found[number] for number in sorted(found)])
    if on_copies is not None:
        on_copies(len(found), len(photos))
    return photos, rejects


def known_photos(sources: Sequence[Path], store: DecodedPhotos) -> list[DecodedPhoto]:
    """Return what :func:`decode_photos` has found, in another process, when it has ended."""
    files, _ = find_images([source.absolute() for source in sources])
    known = {path: photo for path, photo in store.known().items() if is_unchanged(photo)}
    return once_each([known[str(file.path)] for file in files if _is_known(file, known)])


def _is_known(file: SourceFile, known: dict[str, DecodedPhoto]) -> bool:
    photo = known.get(str(file.path))
    return photo is not None and file.sha256 in (None, photo.sha256)


def _decode(task: _Task) -> DecodedPhoto:
    """Read, decode, halve where that is asked, and store a photo."""
    opened = OpenPhoto(task.file, max_pixels=task.max_pixels)
    scanned = opened.scanned
    facts: dict[str, Any] = {
        "path": str(scanned.path),
        "name": scanned.name,
        "sha256": scanned.sha256,
        "bytes": scanned.bytes,
        "modified": scanned.modified,
    }
    if task.clean_up != 1:
        facts["clean_up"] = task.clean_up
        if min(scanned.height, scanned.width) < task.clean_up:
            why = f"{scanned.width}×{scanned.height} pixels cannot be halved"
            raise InputError(scanned.path, why, "use a larger photo")
    photo = opened.photo
    return store_photo(task.folder, clean_up(photo.as_u8(), task.clean_up), facts, photo.notes)
