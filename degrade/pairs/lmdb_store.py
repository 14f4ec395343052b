"""Pairs in LMDB, in the two folders that BasicSR and neosr read unchanged.

``shard-00000_HR.lmdb`` and ``shard-00000_LR.lmdb`` hold the same keys; a value is the PNG of the
image; ``meta_info.txt`` has a line ``{key}.png ({h},{w},{c}) {compress level}`` for each. There is
no ``lock.mdb``: it holds process ids, differs from run to run, and LMDB makes it when it needs it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from degrade.arrays import U8Array
from degrade.errors import CorruptDataError, InputError
from degrade.files import fsync_folder
from degrade.image_io import decode_photo, encode_png
from degrade.noise import Box
from degrade.pairs.lmdb_pages import LmdbFile
from degrade.pairs.records import PairRecord, Shape, ShardSpec, pair_crc32
from degrade.pairs.sidecar import Sidecar
from degrade.pairs.stores import STRUCTURE_BYTES, TEMPORARY, PixelPair, reading, sync_file, writing

if TYPE_CHECKING:
    import lmdb

__all__ = ["LmdbReader", "LmdbWriter", "create_store", "open_store"]

_COMPRESS_LEVEL = 1
_MAP_SIZE = 2**30
_BATCH_SIZE = 2**24


def create_store(folder: Path, spec: ShardSpec) -> LmdbWriter:
    """Begin a shard; see :class:`degrade.pairs.stores.Store`."""
    hr, lr = (folder / f"{name}{TEMPORARY}" for name in spec.entry_names)
    return LmdbWriter(hr, lr)


def open_store(folder: Path, sidecar: Sidecar, suffix: str) -> LmdbReader:
    """Open a shard; see :class:`degrade.pairs.stores.Store`."""
    hr, lr = (folder / f"{name}{suffix}" for name in sidecar.entry_names)
    return LmdbReader(hr, lr, sidecar)


class _FolderWriter:
    """Writes the images of one side."""

    def __init__(self, path: Path) -> None:
        import lmdb

        self._path = path
        self._pending: list[tuple[bytes, bytes]] = []
        self._pending_size = 0
        self._lines: list[str] = []
        self._map_full: type[Exception] = lmdb.MapFullError
        self._errors = (lmdb.Error,)
        with writing(path, STRUCTURE_BYTES, *self._errors):
            path.mkdir()
            # Without a lock file and a writable map: both end in SIGBUS on a full disk. Nothing
            # is synced before close(), because nothing counts before the commit.
            self._environment: lmdb.Environment = lmdb.open(
                os.fsencode(path), map_size=_MAP_SIZE, lock=False, sync=False, readahead=False
            )

    def append(self, key: str, image_u8: U8Array) -> None:
        png = encode_png(image_u8, level=_COMPRESS_LEVEL)
        height, width, channels = image_u8.shape
        self._lines.append(f"{key}.png ({height},{width},{channels}) {_COMPRESS_LEVEL}\n")
        self._pending.append((key.encode("ascii"), png))
        self._pending_size += len(png)
        if self._pending_size >= _BATCH_SIZE:
            self._flush()

    def _flush(self) -> None:
        """Write what is pending as one transaction, in a larger map when it does not fit.

        Both the transactions and the map's size (which the file records) follow from the images
        alone, so that the same images give the same bytes.
        """
        with writing(self._path, self._pending_size, *self._errors):
            while True:
                try:
                    with self._environment.begin(write=True) as transaction:
                        for key, png in self._pending:
                            transaction.put(key, png, append=True)
                    break
                except self._map_full:
                    self._environment.set_mapsize(2 * self._environment.info()["map_size"])
        self._pending.clear()
        self._pending_size = 0

    def close(self) -> None:
        if self._pending:
            self._flush()
        with writing(self._path, STRUCTURE_BYTES, *self._errors):
            self._environment.sync(True)
            self._environment.close()
            sync_file(self._path / "data.mdb")
            meta_info = self._path / "meta_info.txt"
            meta_info.write_text("".join(self._lines), encoding="ascii", newline="\n")
            sync_file(meta_info)
            fsync_folder(self._path)

    def discard(self) -> None:
        with contextlib.suppress(*self._errors):
            self._environment.close()


class LmdbWriter:
    """Writes one shard; see :class:`degrade.pairs.stores.StoreWriter`."""

    def __init__(self, hr_path: Path, lr_path: Path) -> None:
        self._hr = _FolderWriter(hr_path)
        try:
            self._lr = _FolderWriter(lr_path)
        except BaseException:
            self._hr.discard()
            raise

    def append(self, record: PairRecord, lr_u8: U8Array, hr_u8: U8Array) -> None:
        """Write the next row."""
        self._lr.append(record.key, lr_u8)
        self._hr.append(record.key, hr_u8)

    def close(self) -> None:
        """Bring everything to disk and close the files."""
        self._lr.close()
        self._hr.close()

    def discard(self) -> None:
        """Close the files as they are."""
        self._lr.discard()
        self._hr.discard()


class _FolderReader:
    """Reads the images of one side."""

    def __init__(self, path: Path, sidecar: Sidecar) -> None:
        self._path = path
        with reading(path):
            self._file = LmdbFile(path / "data.mdb")
            if self._file.keys != tuple(record.key.encode() for record in sidecar.records):
                self._file.close()
                raise CorruptDataError("its keys are not those of the sidecar")

    def read(self, record: PairRecord, shape: Shape) -> U8Array:
        with reading(self._path, f"row {record.row}, key {record.key}"):
            png = self._file.read(record.key.encode())
            try:
                photo = decode_photo(png, self._path, max_pixels=shape[0] * shape[1])
            except InputError as error:
                raise CorruptDataError(
                    f"not an image that can be decoded ({error.reason})"
                ) from None
            if photo.pixels.shape != shape or photo.pixels.dtype != "uint8" or photo.notes:
                raise CorruptDataError(f"must hold an 8-bit RGB image of {shape}")
            return photo.as_u8()

    def close(self) -> None:
        self._file.close()


class LmdbReader:
    """Reads one shard; see :class:`degrade.pairs.stores.StoreReader`."""

    def __init__(self, hr_path: Path, lr_path: Path, sidecar: Sidecar) -> None:
        self._hr = _FolderReader(hr_path, sidecar)
        try:
            self._lr = _FolderReader(lr_path, sidecar)
        except BaseException:
            self._hr.close()
            raise
        self._path = hr_path

    def read(self, record: PairRecord) -> PixelPair:
        """Return a pair whose bytes are known to be those that were written."""
        lr, hr = self._read_checked(record)
        # Decoded pixels are read-only; what this returns belongs to the caller.
        return lr.copy(), hr.copy()

    def read_crop(self, record: PairRecord, lr_box: Box, hr_box: Box) -> PixelPair:
        """Return a window of LR and one of HR; whole images are decoded, so they are checked."""
        lr, hr = self._read_checked(record)
        return _crop(lr, lr_box), _crop(hr, hr_box)

    def _read_checked(self, record: PairRecord) -> PixelPair:
        lr = self._lr.read(record, record.lr_shape)
        hr = self._hr.read(record, record.hr_shape)
        if pair_crc32(lr, hr) != record.crc32:
            with reading(self._path, f"row {record.row}, key {record.key}"):
                raise CorruptDataError("its pixels are not those that were written (crc32)")
        return lr, hr

    def close(self) -> None:
        """Close the files."""
        self._hr.close()
        self._lr.close()


def _crop(image: U8Array, box: Box) -> U8Array:
    top, left, height, width = box
    return image[top : top + height, left : left + width].copy()
