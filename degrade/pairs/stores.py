"""What every way to store pixels offers, and where each one is found."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeAlias, cast

from degrade.arrays import U8Array
from degrade.errors import CorruptDataError, DegradeError, printable
from degrade.noise import Box
from degrade.pairs.records import Format, PairRecord, ShardSpec
from degrade.pairs.sidecar import Sidecar

__all__ = [
    "STRUCTURE_BYTES",
    "TEMPORARY",
    "PixelPair",
    "Store",
    "StoreReader",
    "StoreWriter",
    "cut",
    "load_store",
    "reading",
    "sync_file",
    "writing",
]

TEMPORARY = ".tmp"
"""Ending of what a shard's files and folders are called until they are complete."""

STRUCTURE_BYTES = 2**20
"""More than a store writes besides pixels; so much is kept free."""

PixelPair: TypeAlias = tuple[U8Array, U8Array]
"""(LR, HR), RGB uint8."""


class StoreWriter(Protocol):
    """Writes the pixels of one shard under temporary names."""

    def append(self, record: PairRecord, lr_u8: U8Array, hr_u8: U8Array) -> None:
        """Write the next row."""
        ...

    def close(self) -> None:
        """Bring everything to disk and close the files."""
        ...

    def discard(self) -> None:
        """Close the files as they are, whatever state they are in; never raises."""
        ...


class StoreReader(Protocol):
    """Reads the pixels of one shard, without trust in its files.

    Every method raises CorruptDataError when the files are not as the sidecar says.
    """

    def read(self, record: PairRecord) -> PixelPair:
        """Return a pair whose bytes are known to be those that were written."""
        ...

    def read_crop(self, record: PairRecord, lr_box: Box, hr_box: Box) -> PixelPair:
        """Return a window of LR and one of HR; both lie within the images.

        The pair's checksum need not be tested: :meth:`read` does that.
        """
        ...

    def close(self) -> None:
        """Close the files."""
        ...


class Store(Protocol):
    """The functions that a module of a store has."""

    def create_store(self, folder: Path, spec: ShardSpec) -> StoreWriter:
        """Begin a shard under temporary names, in a folder free of leftovers."""
        ...

    def open_store(self, folder: Path, sidecar: Sidecar, suffix: str) -> StoreReader:
        """Open a shard whose files and folders end in ``suffix`` besides their names."""
        ...


# Names, not modules: h5py and lmdb are imported only when their format is used.
_STORES: dict[Format, str] = {
    "hdf5": "degrade.pairs.hdf5_store",
    "lmdb": "degrade.pairs.lmdb_store",
    "lmdb-raw": "degrade.pairs.lmdb_store",
}


def load_store(store_format: Format) -> Store:
    """Return the module that stores pixels in a format."""
    return cast(Store, importlib.import_module(_STORES[store_format]))


def cut(image: U8Array, box: Box) -> U8Array:
    """Return a window of an image, as a view."""
    top, left, height, width = box
    return image[top : top + height, left : left + width]


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
        where = printable(path)
        if _is_disk_full(path, size, error):
            raise DegradeError(
                f"{where}: the disk is full; at least {size} bytes are needed here: "
                "free some and run again"
            ) from error
        reason = printable(_reason(error))
        raise DegradeError(
            f"{where}: cannot be written ({reason}); check the folder and its disk"
        ) from error


def _is_disk_full(path: Path, size: int, error: Exception) -> bool:
    if getattr(error, "errno", None) == errno.ENOSPC or os.strerror(errno.ENOSPC) in str(error):
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
        reason = str(error) if isinstance(error, DegradeError) else f"unreadable ({_reason(error)})"
        raise CorruptDataError(where + printable(reason)) from error


def sync_file(path: Path) -> None:
    """Bring a file that a library has written and closed to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
