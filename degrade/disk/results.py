"""Results among a person's files: nothing is replaced but what the same command has made there.

What was made stands in ``.degrade.jsonl``, in the folder of the results, a line a file: its name,
the hash of its bytes, the command. Whatever has another hash is somebody else's, or was changed
since; so is a link, always.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from degrade.disk.file_streams import replacing
from degrade.disk.files import clear_left_over, open_regular, resolve_inside, write_atomically
from degrade.disk.journal import Journal
from degrade.disk.processes import is_temporary
from degrade.errors import DegradeError, InputError, printable, write_failure

__all__ = [
    "RECORD_NAME",
    "Results",
    "is_taken",
    "refuse_other_files",
    "refuse_taken",
    "refuse_unless",
    "write_new",
    "write_over",
]

RECORD_NAME = ".degrade.jsonl"

_ANOTHER_NAME = "choose another name, or replace it with `overwrite`"
_SHOWN = 5
_OF_A_DISK = "lost+found"
"""In the root of a disk, which is a usual place for results in containers."""

_Identity: TypeAlias = tuple[int, int, int]


class Results:
    """The files that one command makes in a folder, and below it.

    Parameters
    ----------
    folder : Path
        Need not exist.
    by : str
        The command, as the record names it.
    overwrite : bool
        Replace files whoever made them; never a folder, and of a link the link alone.
    remedy : str
        What a person can do about a file that is in the way.
    """

    def __init__(
        self, folder: Path, by: str, *, overwrite: bool = False, remedy: str = _ANOTHER_NAME
    ) -> None:
        self.folder = folder
        self._by, self._overwrite, self._remedy = by, overwrite, remedy
        self._record = Journal(folder / RECORD_NAME, durable=True)
        self._hashes: dict[str, set[str]] | None = None
        self._written: dict[str, _Identity] = {}
        self._cleared: set[Path] = set()

    @classmethod
    def at(cls, path: Path, by: str, *, overwrite: bool = False) -> Results:
        """Return the results beside a single file; refuse it at once if it may not be written."""
        results = cls(path.parent, by, overwrite=overwrite)
        results.require_free([path])
        return results

    @property
    def has_record(self) -> bool:
        """Whether any command has left a record in the folder."""
        return os.path.lexists(self._record.path)

    def require_free(self, paths: Iterable[Path]) -> None:
        """Refuse to begin where a file stands that may not be replaced.

        Raises
        ------
        DegradeError
            Names what is in the way, or a place that leads out of the folder.
        """
        self._known()
        refuse_taken([path for path in paths if not self._is_free(path)], self._remedy)

    def knows(self, path: Path) -> bool:
        """Tell whether the command has made a file of this name, changed or damaged since or not.

        False of a link or a folder, which it has not made.
        """
        return self._name(path) in self._known() and path.is_file() and not path.is_symlink()

    def write(self, path: Path, data: bytes, *, mend: bool = False) -> None:
        """Write a file such that a reader sees the old one or the whole new one.

        A file that has appeared since :meth:`require_free` is not replaced either.

        Parameters
        ----------
        path : Path
        data : bytes
        mend : bool
            Take a file of the command's that is not as it was made for a damaged one.

        Raises
        ------
        DegradeError
            Something stands there that may not be replaced, or the file cannot be written.
        """

        def may_replace() -> bool:
            return self._is_free(path) or (mend and self.knows(path))

        if not may_replace():
            refuse_taken([path], self._remedy)
        self._clear(path.parent)
        try:
            scratch, size = path.parent, len(data)
            with replacing(path, scratch=scratch, may_replace=may_replace, size=size) as file:
                file.write(data)
                # Before the file has its name: of a run that is killed in between, the old one
                # stays, and its line counts still.
                self._remember(path, hashlib.sha256(data).hexdigest())
        except FileExistsError:
            refuse_taken([path], self._remedy)
        self._written[self._name(path)] = _identity(path.lstat())

    def adopt(self, paths: Iterable[Path]) -> None:
        """Take files for this command's own that were made before there was a record."""
        for path in paths:
            if (found := _hash(path)) is not None:
                self._remember(path, found)

    def _is_free(self, path: Path) -> bool:
        resolve_inside(self.folder, str(path.parent.relative_to(self.folder)))
        if not os.path.lexists(path):
            return True
        if self._overwrite and (path.is_symlink() or not path.is_dir()):
            return True
        name = self._name(path)
        try:
            if _identity(path.lstat()) == self._written.get(name):
                return True
        except OSError:
            return False
        return _hash(path) in self._known().get(name, ())

    def _name(self, path: Path) -> str:
        return path.relative_to(self.folder).as_posix()

    def _known(self) -> dict[str, set[str]]:
        """Return the hashes of what the command has made, by the files' names."""
        if self._hashes is None:
            self._hashes = {}
            self._clear(self.folder)
            if self._record.path.is_file() and not os.access(self._record.path, os.R_OK):
                return self._hashes  # another user's
            self._record.require_own(_is_line)
            for line in filter(_is_line, self._record.read()):
                if line["by"] == self._by:
                    self._hashes.setdefault(line["file"], set()).add(line["sha256"])
        return self._hashes

    def _clear(self, folder: Path) -> None:
        """Remove, once for each folder, what a killed run has left there."""
        if folder not in self._cleared:
            self._cleared.add(folder)
            clear_left_over(folder)

    def _remember(self, path: Path, sha256: str) -> None:
        name, known = self._name(path), self._known()
        if sha256 in known.get(name, ()):
            return
        try:
            with self._record as record:
                record.append({"file": name, "sha256": sha256, "by": self._by})
        except PermissionError:
            pass  # another user's, in a folder of several: the file will not be replaced unasked
        except OSError as error:
            raise DegradeError(write_failure(self._record.path, 0, error)) from error
        known.setdefault(name, set()).add(sha256)


def write_new(path: Path, data: bytes, *, remedy: str = _ANOTHER_NAME) -> None:
    """Write a file that is not there yet, or is there with these very bytes.

    Raises
    ------
    DegradeError
        Something else has its name, or gets it meanwhile; or the file cannot be written.
    """
    clear_left_over(path.parent)
    if os.path.lexists(path) and not is_taken(path, data):
        return
    try:
        write_atomically(path, data, replace=False)
    except FileExistsError:
        refuse_taken([path], remedy)


def write_over(
    path: Path, data: bytes, *, is_own: Callable[[Path], bool], remedy: str = _ANOTHER_NAME
) -> None:
    """Write a file over one that tells itself that it may be replaced, or where there is none.

    Parameters
    ----------
    path : Path
    data : bytes
    is_own : callable
        Tells of a regular file whether it may.
    remedy : str

    Raises
    ------
    DegradeError
        Something else is there, or gets the name meanwhile; or the file cannot be written.
    """
    refuse_unless(path, is_own, remedy)
    clear_left_over(path.parent)
    try:
        write_atomically(path, data, replace=os.path.lexists(path))
    except FileExistsError:
        refuse_taken([path], remedy)


def refuse_unless(path: Path, is_own: Callable[[Path], bool], remedy: str) -> None:
    """Raise the DegradeError of :func:`write_over` where a file may not be replaced."""
    if os.path.lexists(path) and (path.is_symlink() or not path.is_file() or not is_own(path)):
        refuse_taken([path], remedy)


def is_taken(path: Path, data: bytes) -> bool:
    """Tell whether something other than a file with these bytes has this name."""
    return os.path.lexists(path) and _hash(path) != hashlib.sha256(data).hexdigest()


def refuse_taken(paths: Iterable[Path], remedy: str) -> None:
    """Raise a DegradeError that names all these files as being in the way; nothing for none."""
    paths = list(paths)
    names = [f"{path}{'/' if path.is_dir() else ''}" for path in paths]
    if not names:
        return
    if all(path.is_dir() and not path.is_symlink() for path in paths):
        remedy = "choose another name"  # no setting lets a file replace a folder
    are, was = ("is", "was") if len(names) == 1 else ("are", "were")
    raise DegradeError(
        f"{_listed(names)} {are} there and {was} not made by this command, or changed since; "
        f"{remedy}"
    )


def refuse_other_files(
    where: str, names: Iterable[str], kind: str, *, remedy: str = "give a new folder"
) -> None:
    """Raise a DegradeError that a folder holds these files and is no folder of a kind.

    Parameters
    ----------
    where : str
        The folder, as messages write it.
    names : iterable of str
        What is in it. Hidden files and temporary ones of this project are no content.
    kind : str
        Such as "pool".
    remedy : str
        What to do.
    """
    others = [
        name
        for name in names
        if not (name.startswith(".") or is_temporary(name) or name == _OF_A_DISK)
    ]
    if others:
        raise DegradeError(
            f"{where} holds other files ({_listed(sorted(others))}) and is no {kind}; {remedy}"
        )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(printable, names[:_SHOWN])) + more


def _hash(path: Path) -> str | None:
    """Return the SHA-256 of a regular file; None of anything else, links included."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return None
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, InputError):
        return None


def _identity(status: os.stat_result) -> _Identity:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _is_line(record: Any) -> bool:
    return isinstance(record, dict) and all(
        isinstance(record.get(name), str) for name in ("file", "sha256", "by")
    )
