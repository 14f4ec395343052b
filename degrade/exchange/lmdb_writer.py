"""One pair of LMDB folders for all shards, as BasicSR and neosr read them.

The layout is that of BasicSR's ``docs/DatasetPreparation.md``, "LMDB Description".
Both folders have the same keys; a value is the PNG of the image; ``meta_info.txt`` has a line
``{key}.png ({h},{w},{c}) {compress level}`` for each. ``lock.mdb`` is made by LMDB when it needs
one: it holds process ids and does not belong in a data set.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from degrade.disk.checksums import crc32
from degrade.disk.failures import reading, writing
from degrade.errors import CorruptDataError, printable
from degrade.exchange.formats import PNG_LEVEL, EncodedPair, ExportSet, entry_names
from degrade.pairs.pair_records import Shape
from degrade.pairs.stores.lmdb_folder import LmdbFolderWriter
from degrade.pairs.stores.lmdb_pages import LmdbFile

__all__ = ["LmdbFoldersWriter", "open_writer"]


def open_writer(folder: Path, exported: ExportSet, done: int) -> LmdbFoldersWriter:
    """Begin LMDB folders; unfinished ones always anew."""
    del done
    return LmdbFoldersWriter(folder, exported)


class LmdbFoldersWriter:
    """Writes two LMDB folders; see :class:`degrade.exchange.formats.ExportWriter`."""

    def __init__(self, folder: Path, exported: ExportSet) -> None:
        paths = [folder / name for name in entry_names(exported)]
        for path in paths:
            with writing(path, 0):
                _remove(path)
        self._sides: list[_Side] = []
        try:
            self._sides.extend(_Side(path) for path in paths)
        except BaseException:
            self.discard()
            raise

    def append(self, pair: EncodedPair) -> None:
        """Write the next pair."""
        hr, lr = self._sides
        hr.append(pair.record.key, pair.record.hr_shape, pair.hr)
        lr.append(pair.record.key, pair.record.lr_shape, pair.lr)

    def checkpoint(self) -> int:
        """Return 0: a data base that was not closed is begun anew."""
        return 0

    def close(self) -> None:
        """Bring everything to disk and read it back."""
        for side in self._sides:
            side.close()

    def discard(self) -> None:
        """Close the files as they are."""
        for side in self._sides:
            side.discard()


def _remove(path: Path) -> None:
    """Remove what a killed run has left; OSError where something else lies there."""
    if not path.is_symlink() and path.is_dir():
        for name in ("data.mdb", "lock.mdb", "meta_info.txt"):
            (path / name).unlink(missing_ok=True)
        path.rmdir()


class _Side(LmdbFolderWriter):
    """Writes the images of one side and reads them back."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, ending="png", level=PNG_LEVEL)
        self._sums: list[int] = []

    def append(self, key: str, shape: Shape, value: bytes) -> None:
        super().append(key, shape, value)
        self._sums.append(crc32(value))

    def close(self) -> None:
        """Read everything back too: a disk that was full may have kept less than it accepted."""
        super().close()
        with reading(self.path), contextlib.closing(LmdbFile(self.path / "data.mdb")) as file:
            found = [crc32(file.read(key)) for key in file.keys]
        if found != self._sums:
            raise CorruptDataError(
                f"{printable(self.path)}: does not hold what was written; check the disk"
            )
