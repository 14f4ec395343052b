"""Where pairs are kept: a folder of this machine, or a prefix of an object store.

Everything that writes, lists or checks shards does so through a :class:`Place`. Two rules hold in
every one: a name shows either nothing, or a whole file; and what is made for a name is finished
elsewhere first (in a temporary folder), so that two writers never meet before they publish.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from degrade.disk.failures import STRUCTURE_BYTES, TEMPORARY, writing
from degrade.disk.files import (
    claim_folder,
    fsync_folder,
    read_file,
    resolve_inside,
    write_atomically,
)
from degrade.disk.locks import folder_lock
from degrade.disk.processes import is_temporary, unique_token
from degrade.disk.results import refuse_other_files
from degrade.errors import (
    CorruptDataError,
    DegradeError,
    InputError,
    InvalidValueError,
    printable,
)
from degrade.places.remote import RemotePlace, without_credentials

__all__ = ["LocalPlace", "Location", "Place", "place_at", "refuse_url"]


class Place(Protocol):
    """A flat collection of files by name; a name has at most one ``/``.

    Instances are small values that may be pickled and used in any process.
    """

    def shown(self, name: str = "") -> str:
        """Return the place, or a file of it, as messages write it; never with credentials."""
        ...

    def absolute(self) -> Place:
        """Return the same place as processes with other current folders name it."""
        ...

    def claim(self, mark: str, kinds: Mapping[str, str]) -> None:
        """Make the place for one kind of content; see :func:`degrade.disk.files.claim_folder`."""
        ...

    def hold(self) -> AbstractContextManager[None]:
        """Keep other runs out, and remove what killed ones left unfinished.

        Raises
        ------
        FolderInUseError
            Another run holds the place.
        """
        ...

    def clear_unfinished(self) -> None:
        """Remove what killed or lost workers left; the caller holds the place.

        Raises
        ------
        DegradeError
            Something cannot be removed.
        """
        ...

    def names(self) -> list[str]:
        """Return the names of its files and folders; nothing of what is below them."""
        ...

    def size(self, name: str) -> int | None:
        """Return the bytes of a file; None when there is no such regular file.

        Raises
        ------
        CorruptDataError
            The name leads out of the place.
        """
        ...

    def read(self, name: str) -> bytes:
        """Return a small file.

        Raises
        ------
        CorruptDataError
            It is missing, unreadable or far too large, or leads out of the place.
        """
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write a small file; a reader sees the old one or the whole new one."""
        ...

    def publish(self, files: Mapping[str, Path]) -> None:
        """Move finished local files (by the name they get) here, in order, each in one step.

        They are durable once this returns; after a crash before, any of them may be there.
        A file that is already there is replaced, so that publishing the same bytes twice, in any
        order and at the same time, leaves those bytes.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        ...

    def make_temporary_folder(self, name: str) -> Path:
        """Make a new local folder in which files for this place are finished.

        Whoever makes it removes it; :meth:`hold` removes those of killed runs.
        """
        ...

    def fetched(self, names: Iterable[str]) -> AbstractContextManager[Path]:
        """Give a local folder that holds the named files, for reading."""
        ...


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A folder; see :class:`Place`."""

    folder: Path

    def shown(self, name: str = "") -> str:
        """Return the folder or file as messages write it."""
        return printable(self.folder / name)

    def absolute(self) -> LocalPlace:
        """Return the place by the folder's absolute path."""
        return LocalPlace(self.folder.absolute())

    def claim(self, mark: str, kinds: Mapping[str, str]) -> None:
        """Make the folder; refuse one of other files too, such as the photos themselves."""
        claim_folder(self.folder, mark, kinds)
        if not os.path.lexists(self.folder / mark):
            refuse_other_files(self.shown(), self.names(), "folder of pairs")

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Lock the folder, and clear it before and after."""
        with folder_lock(self.folder):
            self.clear_unfinished()
            try:
                yield
            finally:  # workers that were stopped have left what they were at
                with contextlib.suppress(DegradeError):
                    self.clear_unfinished()

    def clear_unfinished(self) -> None:
        """Remove the temporary files and folders."""
        for name in self.names():
            if is_temporary(name):
                with writing(self.folder / name, 0):
                    _remove_tree(self.folder / name)

    def names(self) -> list[str]:
        """Return the names in the folder."""
        try:
            return [path.name for path in self.folder.iterdir()]
        except OSError as error:
            raise DegradeError(f"{self.shown()}: cannot be read ({error.strerror})") from None

    def size(self, name: str) -> int | None:
        """Return a file's bytes, links followed within the folder."""
        path = self._inside(name)
        try:
            return path.stat().st_size if path.is_file() else None
        except OSError as error:
            raise DegradeError(f"{self.shown(name)}: cannot be read ({error.strerror})") from None

    def read(self, name: str) -> bytes:
        """Read a file, links followed within the folder."""
        try:
            return read_file(self._inside(name))
        except InputError as error:
            raise CorruptDataError(f"{self.shown(name)}: {error.reason}") from None

    def write(self, name: str, data: bytes) -> None:
        """Write a file beside its place and rename it."""
        write_atomically(self.folder / name, data)

    def publish(self, files: Mapping[str, Path]) -> None:
        """Rename the files into the folder, and flush it."""
        for name, path in files.items():
            target = self.folder / name
            with writing(target, STRUCTURE_BYTES):
                if target.parent != self.folder:
                    _make_real_folder(target.parent)
                path.replace(target)
                if target.parent != self.folder:
                    fsync_folder(target.parent)
        with writing(self.folder / next(iter(files)), STRUCTURE_BYTES):
            fsync_folder(self.folder)

    def remove(self, name: str) -> None:
        """Remove a file, and flush the folder."""
        with writing(self.folder / name, 0):
            (self.folder / name).unlink(missing_ok=True)
            fsync_folder(self.folder)

    def make_temporary_folder(self, name: str) -> Path:
        """Make a temporary folder in this one."""
        # Here and not in a temporary folder: only within a file system can files be renamed.
        folder = self.folder / f"{name}.{unique_token()}{TEMPORARY}"
        with writing(self.folder, STRUCTURE_BYTES):
            self.folder.mkdir(parents=True, exist_ok=True)
            folder.mkdir()
        return folder

    @contextlib.contextmanager
    def fetched(self, names: Iterable[str]) -> Iterator[Path]:
        """Give the folder itself: nothing is to be copied."""
        yield self.folder

    def _inside(self, name: str) -> Path:
        try:
            return resolve_inside(self.folder, name)
        except DegradeError as error:
            raise CorruptDataError(str(error)) from None


def _remove_tree(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _make_real_folder(folder: Path) -> None:
    """Make a folder, in the place of a file or link of that name: a link would lead elsewhere."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink(missing_ok=True)
    folder.mkdir(exist_ok=True)


Location: TypeAlias = Path | str | Place
"""A folder, a URL, or a place that was found before."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/.*", re.S)


def place_at(where: Location) -> Place:
    """Return the place that a user named.

    Parameters
    ----------
    where : Path, str or Place
        A text with ``://`` is a URL; anything else a folder of this machine.

    Raises
    ------
    MissingDependencyError
        The packages that reach such a URL are not installed.
    InvalidValueError
        The URL's protocol is not known.
    """
    if not isinstance(where, (str, Path)):
        return where
    if isinstance(where, str) and "://" in where:
        if where.startswith("file://"):
            return LocalPlace(Path(where.removeprefix("file://")))
        return RemotePlace(where)
    if _URL.fullmatch(str(where)) and not Path(where).exists():
        # A folder called `s3:` is never meant.
        meant = printable(re.sub(":/+", "://", str(where), count=1))
        raise InvalidValueError(f"{printable(where)} is neither a URL ({meant}) nor a folder")
    return LocalPlace(Path(where))


def refuse_url(folder: Path | str) -> None:
    """Refuse a URL where files must be on this machine, for random reads.

    Raises
    ------
    DegradeError
        ``folder`` is a URL, also one whose ``//`` became ``/`` when it was made a path.
    """
    text = str(folder)
    if not _URL.fullmatch(text) or Path(text).exists():
        return
    shown = printable(without_credentials(re.sub(r":/+", "://", text, count=1)))
    raise DegradeError(
        f"{shown}: pairs are read from a local folder; copy them first: "
        f"python -c \"import fsspec; fs, root = fsspec.url_to_fs('{shown}'); "
        "fs.get(root, 'pairs', recursive=True)\""
    )
