"""A first look at every photo of a run: its hash and size, without decoding it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from degrade.disk.files import read_file
from degrade.errors import DegradeError, InputError, printable
from degrade.images.image_io import (
    IMAGE_SUFFIXES,
    MAX_PIXELS,
    Photo,
    decode_photo,
    read_photo_header,
)
from degrade.images.sources import Reject, SourceFile, find_images
from degrade.pool import SourceRecord
from degrade.wording import counted
from pipelines.executors import Executor, InProcessExecutor
from pipelines.shared.reports import ProgressCallback, no_progress, usual_reason

__all__ = ["ScannedPhoto", "fails_again", "find_photos", "read_scanned", "scan_photos"]


@dataclass(frozen=True, slots=True)
class ScannedPhoto:
    """An image file whose header is sound.

    Attributes
    ----------
    path : Path
    name : str
        For people.
    sha256 : str
        Of the file's bytes.
    height, width : int
        Upright size in pixels.
    """

    path: Path
    name: str
    sha256: str
    height: int
    width: int

    def as_record(self) -> SourceRecord:
        """Return what a pool keeps of the photo."""
        return SourceRecord(name=self.name, sha256=self.sha256, path=str(self.path.resolve()))


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
    if photos:
        return list({photo.sha256: photo for photo in reversed(photos)}.values())[::-1], rejects
    if not rejects:
        where = ", ".join(printable(source) for source in sources)
        endings = " ".join(sorted(IMAGE_SUFFIXES))
        raise DegradeError(f"no photo in {where}; a folder is searched for {endings}")
    raise DegradeError(
        f"no photo can be used, {counted(len(rejects), 'input')} rejected: {usual_reason(rejects)}"
    )


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
            found.append(_scan(file, chunk.max_pixels))
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


def _scan(file: SourceFile, max_pixels: int) -> ScannedPhoto:
    data = read_file(file.path)
    sha256 = hashlib.sha256(data).hexdigest()
    if file.sha256 is not None and file.sha256 != sha256:
        raise InputError(
            file.path,
            "its content is not what was recorded (sha256 differs)",
            "restore the file, or record it again",
        )
    height, width = read_photo_header(data, file.path, max_pixels=max_pixels).upright_size
    return ScannedPhoto(file.path, file.name, sha256, height, width)


def read_scanned(
    path: Path, sha256: str, *, max_pixels: int = MAX_PIXELS, keep_alpha: bool = False
) -> Photo:
    """Read and decode a photo that must still be the one that was scanned.

    Raises
    ------
    InputError
        As :func:`degrade.images.image_io.read_photo`, and when the content changed.
    """
    photo = decode_photo(read_file(path), path, max_pixels=max_pixels, keep_alpha=keep_alpha)
    if photo.sha256 != sha256:
        raise InputError(path, "it changed while the run went on", "run the same command again")
    return photo


def fails_again(path: Path, sha256: str, *, max_pixels: int = MAX_PIXELS) -> bool:
    """Tell whether a photo that could not be read never can be: it is whole, and no decoder has it.

    False when it is no longer the one that was scanned, or when only its disk had failed.
    """
    try:
        data = read_file(path)
        if hashlib.sha256(data).hexdigest() != sha256:
            return False
    except InputError:
        return False
    try:
        decode_photo(data, path, max_pixels=max_pixels)
    except InputError:
        return True
    return False
