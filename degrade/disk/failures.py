"""Writing and reading pairs on a disk: what goes wrong becomes an error that names the file."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from degrade.errors import (
    CorruptDataError,
    DegradeError,
    disk_full,
    is_disk_full,
    line_of,
    not_written,
    printable,
)

__all__ = ["STRUCTURE_BYTES", "TEMPORARY", "reading", "require_space", "sync_file", "writing"]

TEMPORARY = ".tmp"
"""Ending of what a shard's files and folders are called until they are complete."""

STRUCTURE_BYTES = 2**20
"""More than a store writes besides pixels; so much is kept free."""


@contextlib.contextmanager
def writing(path: Path, size: int, *kinds: type[Exception]) -> Iterator[None]:
    """Turn what goes wrong in writing ``path`` into a DegradeError that names it.

    Parameters
    ----------
    path : Path
    size : int
        Bytes that this write needs.
    *kinds : type
        Exceptions of the library that writes, besides OSError.
    """
    caught: tuple[type[Exception], ...] = (OSError, *kinds)
    try:
        yield
    except caught as error:
        if _has_no_room(path, size, error):
            raise DegradeError(disk_full(path, max(size, STRUCTURE_BYTES))) from error
        raise DegradeError(not_written(path, printable(_reason(error)), error)) from error


def require_space(path: Path, size: int) -> None:
    """Refuse a pair that the disk of ``path`` has no room for, while the libraries are still sound.

    They notice a full disk late: HDF5 at closing, when the file cannot be saved.

    Raises
    ------
    DegradeError
        Fewer than ``size`` bytes and some for the structure are free.
    """
    with writing(path, size):
        free = shutil.disk_usage(path.parent).free
    needed = size + STRUCTURE_BYTES
    if free < needed:
        raise DegradeError(disk_full(path, needed))


def _has_no_room(path: Path, size: int, error: Exception) -> bool:
    if is_disk_full(error):
        return True
    # LMDB calls it an input/output error.
    with contextlib.suppress(OSError):
        return shutil.disk_usage(path.parent).free < size
    return False


def _reason(error: Exception) -> str:
    """Return what a library says went wrong, without HDF5's account of addresses and times."""
    number = getattr(error, "errno", None)
    return os.strerror(number) if number else (str(error).splitlines() or [""])[0]


@contextlib.contextmanager
def reading(path: Path, what: str = "") -> Iterator[None]:
    """Turn what goes wrong in reading ``path`` into a CorruptDataError that names it."""
    try:
        yield
    except MemoryError:
        raise
    # A damaged file makes h5py raise nearly anything: OSError, KeyError, ValueError, RuntimeError…
    except Exception as error:
        where = f"{printable(path)}: {what}: " if what else f"{printable(path)}: "
        if isinstance(error, DegradeError):
            raise CorruptDataError(where + line_of(str(error))) from error
        raise CorruptDataError(f"{where}unreadable ({printable(_reason(error))})") from error


def sync_file(path: Path) -> None:
    """Bring a file that a library has written and closed to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
