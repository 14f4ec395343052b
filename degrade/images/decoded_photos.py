"""Decoded photos on disk, from which windows are read: bytes without a header, and a journal.

Decoding a photo takes a thousand times as long as reading a window of its pixels. A file is
complete before its line is in the journal, and neither is changed afterwards.
"""

from __future__ import annotations

import contextlib
import functools
import mmap
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from degrade.arrays import Box, U8Array
from degrade.disk.files import make_folder, open_regular, remove_if_empty, write_atomically
from degrade.disk.journal import Journal
from degrade.disk.locks import folder_lock
from degrade.disk.results import refuse_other_files
from degrade.disk.structs import Text, Whole, read_struct
from degrade.errors import CorruptDataError, DegradeError, InputError, printable, write_failure
from degrade.images.image_io import DECODING_VERSION
from degrade.resample import mirror_indices

__all__ = ["DecodedPhoto", "DecodedPhotos", "store_photo"]

_JOURNAL = "photos.jsonl"
_KEPT_OPEN = 256

_Side = Annotated[int, msgspec.Meta(ge=1, le=2**24)]


class DecodedPhoto(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a photo whose pixels are stored.

    Attributes
    ----------
    path, name : str
        Where the photo's file was, and what it is called.
    sha256 : str
        Of that file: the name of the stored one.
    bytes, modified : int
        Of that file, as in :class:`degrade.pool.PhotoRecord`.
    height, width : int
        Of the pixels.
    crc32 : int
        Of the stored bytes.
    notes : tuple of str
        What decoding changed.
    decoding : int
        :data:`degrade.images.image_io.DECODING_VERSION` when it was decoded.
    clean_up : int
        2: the pixels are those of the photo halved.
    """

    path: Text
    name: Text
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    bytes: Whole
    modified: int
    height: _Side
    width: _Side
    crc32: Whole
    notes: tuple[str, ...] = ()
    decoding: int = DECODING_VERSION
    clean_up: Annotated[int, msgspec.Meta(ge=1, le=2)] = 1


def store_photo(
    folder: Path, pixels_u8: U8Array, facts: Mapping[str, Any], notes: tuple[str, ...]
) -> DecodedPhoto:
    """Write the pixels of a photo; any process may do so, and the journal does not know it yet.

    Parameters
    ----------
    folder : Path
    pixels_u8 : (H, W, 3) uint8 array
    facts : mapping
        ``path``, ``name``, ``sha256``, ``bytes``, ``modified`` and, where it is not 1,
        ``clean_up`` of :class:`DecodedPhoto`.
    notes : tuple of str

    Raises
    ------
    DegradeError
        They cannot be written.
    """
    data = np.ascontiguousarray(pixels_u8).tobytes()
    height, width = pixels_u8.shape[:2]
    photo = DecodedPhoto(**facts, height=height, width=width, crc32=zlib.crc32(data), notes=notes)
    write_atomically(_file_of(folder, photo), data)
    return photo


def _file_of(folder: Path, photo: DecodedPhoto) -> Path:
    halved = "-halved" if photo.clean_up == 2 else ""
    return folder / f"{photo.sha256}{halved}.rgb"  # which no name can lead out of the folder


class DecodedPhotos:
    """The stored photos of a folder. Can be pickled; files are opened where they are first read.

    Parameters
    ----------
    folder : Path
        Made by :meth:`adding`.
    clean_up : int
        2: photos that were halved. Both may be in one folder.
    """

    def __init__(self, folder: Path, clean_up: int = 1) -> None:
        self.folder, self.clean_up = folder, clean_up
        self._checked: set[str] = set()

    def __reduce__(self) -> tuple[object, ...]:
        return DecodedPhotos, (self.folder, self.clean_up)

    def known(self) -> dict[str, DecodedPhoto]:
        """Return the photos whose files are there, by where the photos were; the latest counts.

        What an earlier version decoded, and lines that are none of this journal, are passed over.
        """
        found = {}
        for line in Journal(self.folder / _JOURNAL).read():
            with contextlib.suppress(CorruptDataError):
                photo = read_struct(line, DecodedPhoto, _JOURNAL)
                is_alike = photo.decoding == DECODING_VERSION and photo.clean_up == self.clean_up
                if is_alike and self._is_there(photo):
                    found[photo.path] = photo
        return found

    def _is_there(self, photo: DecodedPhoto) -> bool:
        try:
            status = _file_of(self.folder, photo).lstat()
        except OSError:
            return False
        return status.st_size == 3 * photo.height * photo.width

    @contextlib.contextmanager
    def adding(self) -> Iterator[Journal]:
        """Hold the folder, made when it is missing, for adding; yield the journal, to append to.

        What was made and holds nothing in the end is removed.

        Raises
        ------
        FolderInUseError
            Another run is adding to it.
        DegradeError
            It cannot be made, or holds other files.
        """
        is_new = not self.folder.exists()
        make_folder(self.folder)
        journal = Journal(self.folder / _JOURNAL)
        if not os.path.lexists(journal.path):
            names = [path.name for path in self.folder.iterdir() if path.suffix != ".rgb"]
            refuse_other_files(printable(self.folder), names, "folder of decoded photos")
        journal.require_own(lambda line: isinstance(line, dict) and "crc32" in line)
        try:
            with folder_lock(self.folder):
                yield from _appending(journal)
        finally:
            if is_new:
                remove_if_empty(self.folder)

    def read_window(self, photo: DecodedPhoto, box: Box, margin: int) -> U8Array:
        """Return a part of a photo with the pixels around it, mirrored where the photo ends.

        Parameters
        ----------
        photo : DecodedPhoto
        box : (top, left, height, width)
        margin : int

        Returns
        -------
        (height + 2 · margin, width + 2 · margin, 3) uint8 array

        Raises
        ------
        CorruptDataError
            The file is not what was stored; all of it is checked when a process first reads it.
        """
        pixels = _mapped(_file_of(self.folder, photo), photo.height, photo.width)
        if photo.sha256 not in self._checked:
            self._check(photo, pixels)
        top, left, height, width = box
        first, last = (top - margin, left - margin), (top + height + margin, left + width + margin)
        if min(first) >= 0 and last[0] <= photo.height and last[1] <= photo.width:
            return pixels[first[0] : last[0], first[1] : last[1]].copy()
        rows = mirror_indices(np.arange(first[0], last[0]), photo.height)
        columns = mirror_indices(np.arange(first[1], last[1]), photo.width)
        return pixels[rows[:, None], columns]

    def _check(self, photo: DecodedPhoto, pixels: U8Array) -> None:
        if zlib.crc32(pixels.data) != photo.crc32:
            raise CorruptDataError(
                f"{printable(_file_of(self.folder, photo))}: its content is not what was stored; "
                "delete it, and the next run decodes the photo again"
            )
        self._checked.add(photo.sha256)


def _appending(journal: Journal) -> Iterator[Journal]:
    try:
        journal.open()
    except OSError as error:
        raise DegradeError(write_failure(journal.path, 0, error)) from None
    try:
        yield journal
    finally:
        journal.close()
        with contextlib.suppress(OSError):
            if not journal.path.stat().st_size:
                journal.path.unlink()


@functools.lru_cache(maxsize=_KEPT_OPEN)
def _mapped(path: Path, height: int, width: int) -> U8Array:
    try:
        with open_regular(path) as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError, InputError) as error:
        raise CorruptDataError(f"{printable(path)}: cannot be read ({error})") from None
    if len(mapped) != 3 * height * width:
        raise CorruptDataError(
            f"{printable(path)}: its length is not what was stored; delete it, and the next run "
            "decodes the photo again"
        )
    return np.frombuffer(mapped, np.uint8).reshape(height, width, 3)
