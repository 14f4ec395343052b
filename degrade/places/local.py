"""A folder of this machine as a place for pairs."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

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
    printable,
)

__all__ = ["LocalPlace"]


@dataclass(frozen=True, slots=True)
class LocalPlace:
    """A folder; see :class:`degrade.pairs.Place`."""

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
            what, remedy = f"cannot be read ({error.strerror})", "check path and permissions"
            if isinstance(error, FileNotFoundError | NotADirectoryError):
                is_file = self.folder.exists()
                what = "is a file" if is_file else "is not there"
                remedy = "give the folder" if is_file else "check the path"
            raise DegradeError(f"{self.shown()}: {what}; {remedy}") from None

    def size(self, name: str) -> int | None:
        """Return a file's bytes, links followed within the folder."""
        path = self._inside(name)
        try:
            return path.stat().st_size if path.is_file() else None
        except OSError as error:
            what = f"cannot be read ({error.strerror}); check path and permissions"
            raise DegradeError(f"{self.shown(name)}: {what}") from None

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
