"""The exceptions that the toolkit raises on purpose; each one's text is one line for the user."""

from __future__ import annotations

import errno
import os
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from degrade.wording import byte_text

__all__ = [
    "ChangedConfigError",
    "CorruptDataError",
    "DegradeError",
    "FolderInUseError",
    "InputError",
    "InvalidValueError",
    "MissingDependencyError",
    "UnreachableError",
    "as_typed",
    "disk_full",
    "is_disk_full",
    "line_of",
    "not_written",
    "printable",
    "remedy_for",
    "shown",
    "write_failure",
]


_LIKE_A_SETTING = re.compile(r"[a-z][a-z0-9_]* must ")
"""How a text begins that says what is wrong with a setting; a relative path may, too."""


class DegradeError(Exception):
    """Base of every error raised on purpose. ``exit_code`` is what the command line exits with."""

    exit_code = 1


class InvalidValueError(DegradeError, ValueError):
    """A parameter is outside what the function accepts; the text says what was got."""


class InputError(DegradeError):
    """One input file cannot be used; the run records it as a reject and goes on.

    Parameters
    ----------
    path : str or Path
        The file.
    reason : str
        What is wrong with it.
    remedy : str
        What the user can do about it; may be empty.
    """

    def __init__(self, path: str | Path, reason: str, remedy: str = "") -> None:
        super().__init__(path, reason, remedy)
        self.path = str(path)
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{printable(self.path)}: {self.reason}"
        return f"{text}; {self.remedy}" if self.remedy else text


class CorruptDataError(DegradeError):
    """A file that the toolkit wrote no longer holds what was written; the text names the place."""


class FolderInUseError(DegradeError):
    """Another run holds the lock of an output folder."""


class MissingDependencyError(DegradeError):
    """An optional package is needed; the text says which extra installs it."""


class UnreachableError(DegradeError):
    """A store did not answer or refused: nothing is known about what it holds."""


class ChangedConfigError(DegradeError):
    """A run is resumed with settings other than those that it was started with.

    Parameters
    ----------
    folder : str or Path
        The output folder that holds the earlier run.
    differences : mapping of str to (str, str)
        Setting name to (value then, value now).
    """

    def __init__(self, folder: str | Path, differences: Mapping[str, tuple[str, str]]) -> None:
        super().__init__(folder, dict(differences))
        self.folder = str(folder)
        self.differences = dict(differences)

    def __str__(self) -> str:
        changes = ", ".join(f"{k}: {then} -> {now}" for k, (then, now) in self.differences.items())
        return (
            f"{printable(self.folder)} was begun with other settings ({line_of(changes)}); "
            "repeat the earlier settings to resume, or choose another output folder"
        )


def line_of(text: str | Path) -> str:
    """Return ``text`` on one line and encodable, with undecodable bytes and controls escaped."""
    escaped = str(text).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in escaped)


def printable(name: str | Path) -> str:
    r"""Return what others have named or said, as it may stand in a text of ours.

    As :func:`line_of`; besides, nothing of it is taken for a setting: backquotes become ``\```, as
    a shell wants them, which the command line takes back.
    """
    text = line_of(name).replace("`", r"\`")
    return f"./{text}" if _LIKE_A_SETTING.match(text) else text


def as_typed(name: str | Path) -> str:
    """Return a name as a person types it in a command that a text gives: quoted if need be."""
    return shlex.quote(line_of(name)).replace("`", r"\`")


def shown(value: object) -> str:
    """Return what was got in the place of something else, on one line of at most 60 letters."""
    text = printable(repr(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


_REMEDIES = {
    errno.EACCES: "choose another place, or ask for the permission",
    errno.EPERM: "choose another place, or ask for the permission",
    errno.EROFS: "choose a place that can be written",
    errno.EDQUOT: "free some of what your quota counts, or choose another disk",
    errno.EIO: "the disk or the way to it fails: copy what matters, and choose another disk",
    errno.EMFILE: "let a process open more files (ulimit -n 4096), or use fewer `jobs`",
    errno.ENFILE: "end other programs: the whole machine has too many files open",
    errno.ENOMEM: "use fewer `jobs`, or end other programs",
    errno.EAGAIN: "use fewer `jobs`, or let a user have more processes (ulimit -u)",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EFBIG: "choose a disk that takes larger files, or raise the limit (ulimit -f)",
}


def remedy_for(error: OSError, otherwise: str) -> str:
    """Return what a person can do about an error of the system."""
    return _REMEDIES.get(error.errno or 0, otherwise)


def write_failure(path: Path, size: int, error: OSError) -> str:
    """Return the text of an error in writing ``size`` bytes to ``path``."""
    if is_disk_full(error):
        return disk_full(path, size)
    return not_written(path, str(error.strerror), error)


def is_disk_full(error: Exception) -> bool:
    """Return whether an error says that there is no room, by its number or in its words."""
    number = getattr(error, "errno", None)
    return number == errno.ENOSPC or os.strerror(errno.ENOSPC) in str(error)


def not_written(path: Path, reason: str, error: Exception | None = None) -> str:
    """Return what is said when ``path`` cannot be written, for another reason than a full disk."""
    remedy = "check the folder, its permissions and its disk"
    if isinstance(error, OSError):
        remedy = remedy_for(error, remedy)
    return f"{printable(path)}: cannot be written ({reason}); {remedy}"


def disk_full(path: Path, needed: int = 0) -> str:
    """Return what is said when ``path`` finds no room; ``needed`` bytes, 0: not known how many."""
    folder = path if path.is_dir() else path.parent
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        known = f"{byte_text(needed)} are needed: " if needed else ""
    else:
        known = f"{byte_text(free)} are free"
        if needed > free:
            known = f"{known}, {_unlike(needed, free)} are needed"
        elif needed:  # what was half written is gone again, or a quota counts
            known = f"{byte_text(needed)} found no room, though {known} now"
        known += ": "
    return f"{printable(path)}: the disk is full; {known}free some space and run again"


def _unlike(size: int, other: int) -> str:
    """Return a size that does not read as another one."""
    text = byte_text(size)
    return f"{size} bytes" if text == byte_text(other) else text
