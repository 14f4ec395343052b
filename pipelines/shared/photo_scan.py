"""Photos on their way through a run: looked at (hash and size), opened, read again."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from degrade.arrays import U8Array
from degrade.disk import checksums
from degrade.disk.files import read_file
from degrade.errors import DegradeError, InputError, printable
from degrade.images.colour import colours_of
from degrade.images.decoded_photos import DecodedPhoto
from degrade.images.exif import camera_in
from degrade.images.image_io import (
    IMAGE_SUFFIXES,
    MAX_PIXELS,
    Photo,
    decode_photo,
    read_photo_header,
)
from degrade.images.sources import Reject, SourceFile, find_images
from degrade.pool import PhotoRecord
from degrade.wording import counted
from pipelines.executors import Executor, InProcessExecutor
from pipelines.shared.folder_kinds import FOLDER_KINDS
from pipelines.shared.reports import ProgressCallback, no_progress, usual_reason

__all__ = [
    "OpenPhoto",
    "ScannedPhoto",
    "changed_meanwhile",
    "fails_again",
    "find_photos",
    "is_unchanged",
    "no_photo_error",
    "once_each",
    "read_scanned",
    "scan_photos",
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
_Known = TypeVar("_Known", ScannedPhoto, DecodedPhoto)


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
