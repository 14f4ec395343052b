"""A first look at every photo of a run: its hash and size, without decoding it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from degrade.errors import DegradeError, InputError, printable
from degrade.files import read_file
from degrade.image_io import (
    IMAGE_SUFFIXES,
    MAX_PIXELS,
    Photo,
    decode_photo,
    read_photo_header,
)
from degrade.pool import SourceRecord
from degrade.sources import Reject, SourceFile, find_images

__all__ = ["ScannedPhoto", "find_photos", "read_scanned", "scan_photos"]


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
    raise DegradeError(f"none of the {len(rejects)} inputs can be used; the first: {rejects[0]}")


def scan_photos(
    files: Sequence[SourceFile], *, max_pixels: int = MAX_PIXELS
) -> tuple[list[ScannedPhoto], list[Reject]]:
    """Hash each file and read its header; what cannot be used is rejected by name.

    A file whose sha256 is stated (by a manifest or a pool) and differs is rejected too.
    """
    photos, rejects = [], []
    for file in files:
        try:
            photos.append(_scan(file, max_pixels))
        except InputError as error:
            rejects.append(Reject.from_error(error))
    return photos, rejects


def _scan(file: SourceFile, max_pixels: int) -> ScannedPhoto:
    data = read_file(file.path)
    sha256 = hashlib.sha256(data).hexdigest()
    if file.sha256 is not None and file.sha256 != sha256:
        raise InputError(
            file.path, "its content is not what was recorded (sha256 differs)",
            "restore the file, or record it again",
        )  # fmt: skip
    height, width = read_photo_header(data, file.path, max_pixels=max_pixels).upright_size
    return ScannedPhoto(file.path, file.name, sha256, height, width)


def read_scanned(path: Path, sha256: str, *, max_pixels: int = MAX_PIXELS) -> Photo:
    """Read and decode a photo that must still be the one that was scanned.

    Raises
    ------
    InputError
        As :func:`degrade.image_io.read_photo`, and when the content changed.
    """
    photo = decode_photo(read_file(path), path, max_pixels=max_pixels)
    if photo.sha256 != sha256:
        raise InputError(path, "it changed while the run went on", "run the same command again")
    return photo
