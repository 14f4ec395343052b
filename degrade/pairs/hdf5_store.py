"""Pairs in HDF5: uncompressed uint8, one sample a chunk, so that any row is one read.

With ``hr_size``, datasets ``lr`` and ``hr`` of shape (N, h, w, 3); without, groups of those names
with one dataset per key.
"""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import h5py
import numpy as np

from degrade.arrays import U8Array
from degrade.errors import CorruptDataError
from degrade.noise import Box
from degrade.pairs.records import PairRecord, ShardSpec, pair_crc32
from degrade.pairs.sidecar import Sidecar
from degrade.pairs.stores import STRUCTURE_BYTES, TEMPORARY, PixelPair, reading, sync_file, writing

__all__ = ["Hdf5Reader", "Hdf5Writer", "create_store", "open_store"]

_SIDES = ("lr", "hr")
# Pinned, so that a newer library writes the same bytes. From this version on HDF5 keeps checksums
# of its own structures: of 2000 random changes in them none crashed it, hung or went unnoticed.
_LIBVER = ("v110", "v110")
_WRITE_ERRORS = (RuntimeError, ValueError, KeyError)


def create_store(folder: Path, spec: ShardSpec) -> Hdf5Writer:
    """Begin a shard; see :class:`degrade.pairs.stores.Store`."""
    return Hdf5Writer(folder / f"{spec.entry_names[0]}{TEMPORARY}", spec)


def open_store(folder: Path, sidecar: Sidecar, suffix: str) -> Hdf5Reader:
    """Open a shard; see :class:`degrade.pairs.stores.Store`."""
    return Hdf5Reader(folder / f"{sidecar.entry_names[0]}{suffix}", sidecar)


class Hdf5Writer:
    """Writes one shard; see :class:`degrade.pairs.stores.StoreWriter`."""

    def __init__(self, path: Path, spec: ShardSpec) -> None:
        self._path = path
        self._is_fixed = spec.hr_size is not None
        with writing(path, STRUCTURE_BYTES, *_WRITE_ERRORS):
            # No file locks: file systems of clusters often have none, and a folder lock is held.
            # No chunk cache: a full disk must show when a row is written, not at closing.
            self._file = h5py.File(path, "w", libver=_LIBVER, locking=False, rdcc_nbytes=0)
        try:
            self._begin(spec)
        except BaseException:
            self.discard()
            raise

    def _begin(self, spec: ShardSpec) -> None:
        with writing(self._path, STRUCTURE_BYTES, *_WRITE_ERRORS):
            self._file.attrs["format"] = np.bytes_("degrade-pairs")
            self._file.attrs["scale"] = np.int64(spec.scale)
            self._sides = [
                self._file.create_group(name)
                if side is None
                else self._file.create_dataset(
                    name, shape=(0, side, side, 3), maxshape=(None, side, side, 3),
                    chunks=(1, side, side, 3), dtype=np.uint8, track_times=False,
                )
                for name, side in zip(_SIDES, (spec.lr_size, spec.hr_size), strict=True)
            ]  # fmt: skip

    def append(self, record: PairRecord, lr_u8: U8Array, hr_u8: U8Array) -> None:
        """Write the next row."""
        with writing(self._path, lr_u8.nbytes + hr_u8.nbytes, *_WRITE_ERRORS):
            for side, image in zip(self._sides, (lr_u8, hr_u8), strict=True):
                if self._is_fixed:
                    side.resize(record.row + 1, axis=0)
                    side[record.row] = image
                else:
                    # Chunked too: what is not goes through a buffer, and when a full disk keeps
                    # HDF5 from writing that, it crashes.
                    side.create_dataset(
                        record.key, data=image, chunks=image.shape, track_times=False
                    )

    def close(self) -> None:
        """Bring everything to disk and close the file."""
        with writing(self._path, STRUCTURE_BYTES, *_WRITE_ERRORS):
            self._file.close()
            sync_file(self._path)

    def discard(self) -> None:
        """Close the file as it is."""
        with contextlib.suppress(OSError, *_WRITE_ERRORS):
            if self._file:
                # On a full disk HDF5 could not save the file, so it would never close it, and the
                # disk would stay full until the process ends.
                os.truncate(self._path, 0)
                self._file.close()


class Hdf5Reader:
    """Reads one shard; see :class:`degrade.pairs.stores.StoreReader`."""

    def __init__(self, path: Path, sidecar: Sidecar) -> None:
        self._path = path
        self._is_fixed = sidecar.hr_size is not None
        count = len(sidecar.records)
        with reading(path):
            size = sum(math.prod(r.lr_shape) + math.prod(r.hr_shape) for r in sidecar.records)
            if size > path.stat().st_size:
                raise CorruptDataError(f"too small for the {size} bytes of its pairs")
            # Without a chunk cache parts of a chunk are read directly.
            self._file = h5py.File(path, "r", locking=False, rdcc_nbytes=0)
            try:
                sides = (sidecar.lr_size, sidecar.hr_size)
                self._sides = [
                    _check_group(self._file, name, count)
                    if side is None
                    else _check_dataset(self._file, name, (count, side, side, 3))
                    for name, side in zip(_SIDES, sides, strict=True)
                ]
            except BaseException:
                self._file.close()
                raise

    def read(self, record: PairRecord) -> PixelPair:
        """Return a pair whose bytes are known to be those that were written."""
        lr, hr = self._read(record, slice(None), slice(None))
        if pair_crc32(lr, hr) != record.crc32:
            with reading(self._path, f"row {record.row}, key {record.key}"):
                raise CorruptDataError("its bytes are not those that were written (crc32)")
        return lr, hr

    def read_crop(self, record: PairRecord, lr_box: Box, hr_box: Box) -> PixelPair:
        """Return a window of LR and one of HR, reading only their rows; nothing is checked."""
        # Whole rows lie in one piece: reading them and cutting is 4 times as fast as letting HDF5
        # pick the columns.
        lr, hr = self._read(record, _rows(lr_box), _rows(hr_box))
        return _cut_columns(lr, lr_box), _cut_columns(hr, hr_box)

    def _read(self, record: PairRecord, lr_rows: slice, hr_rows: slice) -> PixelPair:
        lr, hr = self._sides
        with reading(self._path, f"row {record.row}, key {record.key}"):
            if self._is_fixed:
                return lr[record.row, lr_rows], hr[record.row, hr_rows]
            lr_image = _check_dataset(lr, record.key, record.lr_shape)
            hr_image = _check_dataset(hr, record.key, record.hr_shape)
            return lr_image[lr_rows], hr_image[hr_rows]

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _rows(box: Box) -> slice:
    top, _, height, _ = box
    return slice(top, top + height)


def _cut_columns(rows: U8Array, box: Box) -> U8Array:
    _, left, _, width = box
    return np.ascontiguousarray(rows[:, left : left + width])


def _require_hard_link(parent: h5py.Group, name: str) -> None:
    """Refuse soft and external links: they would lead to other files."""
    if not isinstance(parent.get(name, getlink=True), h5py.HardLink):
        raise CorruptDataError(f"{name!r} is a link, which this toolkit never writes; refused")


def _check_group(parent: h5py.Group, name: str, count: int) -> h5py.Group:
    _require_hard_link(parent, name)
    group = parent[name]
    if not isinstance(group, h5py.Group) or len(group) != count:
        raise CorruptDataError(f"{name!r} is no group of {count} images")
    return group


def _check_dataset(parent: h5py.Group, name: str, shape: tuple[int, ...]) -> h5py.Dataset:
    """Return a dataset that is exactly what the writer makes, so that reading it is safe."""
    _require_hard_link(parent, name)
    dataset = parent[name]
    if not isinstance(dataset, h5py.Dataset):
        raise CorruptDataError(f"{name!r} is no dataset")
    properties = dataset.id.get_create_plist()
    layout = properties.get_layout()
    if properties.get_external_count() or layout != h5py.h5d.CHUNKED:
        raise CorruptDataError(f"{name!r} keeps its data in other places or files; refused")
    if properties.get_nfilters():
        raise CorruptDataError(f"{name!r} is compressed or filtered; refused")
    if not dataset.id.get_type().equal(h5py.h5t.STD_U8LE) or dataset.shape != shape:
        raise CorruptDataError(
            f"{name!r} must be uint8 {shape}, got {dataset.dtype} {dataset.shape}"
        )
    if dataset.chunks != (1, *shape[-3:])[-len(shape) :]:
        raise CorruptDataError(f"{name!r} must have one sample a chunk, got {dataset.chunks}")
    # Rows that were declared but never written would read as zeros.
    if dataset.id.get_storage_size() != math.prod(shape):
        raise CorruptDataError(f"{name!r} declares more than the file holds")
    return dataset
