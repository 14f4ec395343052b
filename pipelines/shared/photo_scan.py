"""A photo on its way through a run: looked at (hash and size), opened, read again."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from degrade.arrays import U8Array
from degrade.disk import checksums
from degrade.disk.files import read_file
from degrade.errors import InputError
from degrade.images.colour import colours_of
from degrade.images.decoded_photos import DecodedPhoto
from degrade.images.exif import camera_in
from degrade.images.image_io import (
    MAX_PIXELS,
    Photo,
    decode_photo,
    read_photo_header,
)
from degrade.images.sources import SourceFile
from degrade.pool import PhotoRecord

__all__ = [
    "OpenPhoto",
    "ScannedPhoto",
    "changed_meanwhile",
    "fails_again",
    "is_unchanged",
    "read_scanned",
]


@dataclass(frozen=True, slots=True, kw_only=True)
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
    format, channels, bit_depth, orientation, bytes, modified
        As in :class:`degrade.pool.PhotoRecord`.
    camera : str or None
        By its EXIF data; None when it is not known. Pools do not keep it.
    crc32 : int or None
        Of the file's bytes, where they were read: by it a run knows them again. Pools do not keep
        it.
    """

    path: Path
    name: str
    sha256: str
    height: int
    width: int
    format: str
    channels: int
    bit_depth: int
    orientation: int
    bytes: int
    modified: int
    camera: str | None = None
    colours: str = ""
    crc32: int | None = None

    @classmethod
    def from_record(cls, record: PhotoRecord) -> ScannedPhoto:
        """Return what a pool remembers of the photo."""
        facts = msgspec.structs.asdict(record)
        return cls(**{**facts, "path": Path(record.path)})

    def as_record(self) -> PhotoRecord:
        """Return what a pool keeps of the photo."""
        facts = asdict(self)
        del facts["camera"], facts["colours"], facts["crc32"]
        return PhotoRecord(**{**facts, "path": str(self.path.resolve())})


_Found = TypeVar("_Found")


class OpenPhoto:
    """A photo whose file was read: its bytes and header, and its pixels when they are asked for.

    Attributes
    ----------
    scanned : ScannedPhoto
    data : bytes
        The file.
    header : ImageHeader
    """

    def __init__(self, file: SourceFile, *, max_pixels: int = MAX_PIXELS) -> None:
        """Read, hash and parse a file.

        Raises
        ------
        InputError
            It cannot be read, its header says that it cannot be used, or its stated sha256
            differs.
        """
        modified = _modified(file.path)  # before it is read: what is written later looks newer
        self.data = read_file(file.path)
        sha256 = hashlib.sha256(self.data).hexdigest()
        if file.sha256 is not None and file.sha256 != sha256:
            raise InputError(
                file.path,
                "its content is not what was recorded (sha256 differs)",
                "restore the file, or record it again",
            )
        self.header = read_photo_header(self.data, file.path, max_pixels=max_pixels)
        height, width = self.header.upright_size
        self.scanned = ScannedPhoto(
            path=file.path,
            name=file.name,
            sha256=sha256,
            height=height,
            width=width,
            format=self.header.format,
            channels=self.header.channels,
            bit_depth=self.header.bit_depth,
            orientation=self.header.orientation,
            bytes=len(self.data),
            modified=modified,
            camera=camera_in(self.data),
            colours=colours_of(self.data, self.header),
            crc32=checksums.crc32(self.data),
        )
        self._decoded: Photo | InputError | None = None
        self._found: dict[Callable[[OpenPhoto], Any], Any] = {}

    @property
    def photo(self) -> Photo:
        """The decoded pixels; decoded once, when they are first asked for.

        Raises
        ------
        InputError
            The decoder refuses them.
        """
        if self._decoded is None:
            known = self.scanned
            try:
                self._decoded = decode_photo(
                    self.data, known.path, header=self.header, sha256=known.sha256
                )
            except InputError as error:
                self._decoded = error
        if isinstance(self._decoded, InputError):
            raise self._decoded
        return self._decoded

    @property
    def pixels_u8(self) -> U8Array:
        """The pixels as uint8; those of 16 bits are rounded once.

        Raises
        ------
        InputError
            The decoder refuses them.
        """
        return self.once(_as_u8)

    def once(self, find: Callable[[OpenPhoto], _Found]) -> _Found:
        """Return what several measurements ask of the photo; found when the first one asks."""
        if find not in self._found:
            self._found[find] = find(self)
        found: _Found = self._found[find]
        return found

    @property
    def damage(self) -> InputError | None:
        """Why the decoder refuses the pixels; None as long as nobody has asked for them."""
        return self._decoded if isinstance(self._decoded, InputError) else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What decoding changed; nothing as long as nobody has asked for the pixels."""
        return self._decoded.notes if isinstance(self._decoded, Photo) else ()


def _as_u8(photo: OpenPhoto) -> U8Array:
    return photo.photo.as_u8()


def _modified(path: Path) -> int:
    try:
        return path.stat().st_ctime_ns  # what copies and touch cannot set back
    except (OSError, ValueError):
        return 0  # reading it says what is wrong


def is_unchanged(record: PhotoRecord | DecodedPhoto) -> bool:
    """Tell whether nothing has been written to a photo's file since it was recorded.

    By its length and by when the system last changed it, which no program can set back; a copy on
    another disk looks changed, and is then read.
    """
    try:
        status = Path(record.path).stat()
    except (OSError, ValueError):
        return False
    known = stat.S_ISREG(status.st_mode), status.st_size, status.st_ctime_ns
    return known == (True, record.bytes, record.modified)


def read_scanned(
    path: Path,
    sha256: str,
    *,
    crc32: int | None = None,
    max_pixels: int = MAX_PIXELS,
    keep_alpha: bool = False,
    keep_profile: bool = False,
) -> Photo:
    """Read and decode a photo that must still be the one that was scanned.

    Parameters
    ----------
    path, sha256
        As they were scanned.
    crc32 : int or None
        When this run has scanned it: a tenth of the time of looking at its SHA-256 again.
    max_pixels, keep_alpha, keep_profile
        As for :func:`degrade.images.image_io.decode_photo`.

    Raises
    ------
    InputError
        As :func:`degrade.images.image_io.read_photo`, and when the content changed.
    """
    data = read_file(path)
    # First: what was changed may be no image now.
    if crc32 is None:
        is_same = hashlib.sha256(data).hexdigest() == sha256
    else:
        is_same = checksums.crc32(data) == crc32
    if not is_same:
        raise changed_meanwhile(path)
    return decode_photo(
        data,
        path,
        max_pixels=max_pixels,
        keep_alpha=keep_alpha,
        keep_profile=keep_profile,
        sha256=sha256,
    )


def changed_meanwhile(path: Path) -> InputError:
    """Return the error that a file is no longer what was scanned."""
    return InputError(path, "it changed while the run went on", "run the same command again")


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
