"""Writing one folder of BasicSR's LMDB layout: ``data.mdb`` and ``meta_info.txt``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from degrade.disk.failures import STRUCTURE_BYTES, sync_file, writing
from degrade.disk.files import fsync_folder
from degrade.pairs.pair_records import Shape

if TYPE_CHECKING:
    import lmdb

__all__ = ["LmdbFolderWriter"]

_MAP_SIZE = 2**30
_BATCH_SIZE = 2**24


def _format(version: Callable[..., object]) -> dict[str, Any]:
    """Return the setting for LMDB 0.9's format, whatever ``LMDB_DEFAULT_LIB_VERSION`` asks for.

    Trainers, and :mod:`degrade.pairs.stores.lmdb_pages`, read no other.
    """
    try:
        version(lib_version=0)
    except TypeError:  # a library of before 1.0's format, which has the one
        return {}
    return {"lib_version": 0}


class LmdbFolderWriter:
    """Writes images by ascending key; the same images give the same bytes.

    Nothing is synced before :meth:`close`, because nothing counts before that.

    Parameters
    ----------
    path : Path
        A folder that is not there yet.
    ending, level : str and int
        What each line of ``meta_info.txt`` says of the values: file type, compress level.

    Raises
    ------
    DegradeError
        By every method but :meth:`discard`: the disk is full or fails.
    """

    def __init__(self, path: Path, *, ending: str, level: int) -> None:
        # Here: reading pairs does without the library.
        import lmdb

        self.path = path
        self._ending, self._level = ending, level
        self._pending: list[tuple[bytes, bytes]] = []
        self._pending_size = 0
        self._lines: list[str] = []
        self._map_full: type[Exception] = lmdb.MapFullError
        self._errors = (lmdb.Error,)
        with writing(path, STRUCTURE_BYTES, *self._errors):
            path.mkdir()
            # Without a lock file and a writable map: both end in SIGBUS on a full disk.
            self._environment: lmdb.Environment = lmdb.open(
                os.fsencode(path),
                map_size=_MAP_SIZE,
                lock=False,
                sync=False,
                readahead=False,
                **_format(lmdb.version),
            )

    def append(self, key: str, shape: Shape, value: bytes) -> None:
        """Write the next image, whose shape is (height, width, 3)."""
        self._lines.append(f"{key}.{self._ending} ({','.join(map(str, shape))}) {self._level}\n")
        self._pending.append((key.encode("ascii"), value))
        self._pending_size += len(value)
        if self._pending_size >= _BATCH_SIZE:
            self._flush()

    def _flush(self) -> None:
        """Write what is pending as one transaction, in a larger map when it does not fit.

        Both the transactions and the map's size (which the file records) follow from the images
        alone, so that the same images give the same bytes.
        """
        with writing(self.path, self._pending_size, *self._errors):
            while True:
                try:
                    with self._environment.begin(write=True) as transaction:
                        for key, value in self._pending:
                            # Ascending keys fill every page: half the size of any other order.
                            transaction.put(key, value, append=True)
                    break
                except self._map_full:
                    self._environment.set_mapsize(2 * self._environment.info()["map_size"])
        self._pending.clear()
        self._pending_size = 0

    def close(self) -> None:
        """Bring everything to disk and close the files."""
        if self._pending:
            self._flush()
        with writing(self.path, STRUCTURE_BYTES, *self._errors):
            self._environment.sync(True)
            self._environment.close()
            sync_file(self.path / "data.mdb")
            meta_info = self.path / "meta_info.txt"
            meta_info.write_text("".join(self._lines), encoding="ascii", newline="\n")
            sync_file(meta_info)
            fsync_folder(self.path)

    def discard(self) -> None:
        """Close the files as they are; never raises."""
        with contextlib.suppress(*self._errors):
            self._environment.close()
