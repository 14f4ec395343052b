"""Pairs in HDF5: uncompressed uint8, one sample a chunk, so that any row is one read.

With ``hr_size``, datasets ``lr`` and ``hr`` of shape (N, h, w, 3); without, groups of those names
with one dataset per key.
"""

from __future__ import annotations

import contextlib
import math
import os
from array import array
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from degrade.arrays import Box, U8Array
from degrade.disk.checksums import combine_crc32, parts_crc32
from degrade.disk.failures import STRUCTURE_BYTES, TEMPORARY, reading, sync_file, writing
from degrade.disk.files import open_regular
from degrade.errors import CorruptDataError, InputError
from degrade.geometry import scale_to_json
from degrade.pairs.pair_records import PairRecord, ShardSpec, pair_crc32
from degrade.pairs.sidecar import Sidecar
from degrade.pairs.stores.base import PixelPair
from degrade.pairs.stores.raw_pixels import read_image, read_window

__all__ = [
    "WRITE_ERRORS",
    "Hdf5Reader",
    "Hdf5Writer",
    "create_file",
    "create_store",
    "discard_file",
    "open_store",
]

_SIDES = ("lr", "hr")
_UNKNOWN = -1
# Pinned, so that a newer library writes the same bytes. From this version on HDF5 keeps checksums
# of its own structures: of 2000 random changes in them none crashed it, hung or went unnoticed.
_LIBVER = ("v110", "v110")
WRITE_ERRORS = (RuntimeError, ValueError, KeyError)
"""What h5py raises besides OSError when it cannot write."""


def create_file(path: Path) -> h5py.File:
    """Create a file whose bytes follow from what is written into it.

    Raises
    ------
    DegradeError
        The disk is full or fails.
    """
    with writing(path, STRUCTURE_BYTES, *WRITE_ERRORS):
        # No file locks: file systems of clusters often have none, and a folder lock is held.
        # No chunk cache: a full disk must show when a row is written, not at closing.
        return h5py.File(path, "w", libver=_LIBVER, locking=False, rdcc_nbytes=0)


def discard_file(file: h5py.File, path: Path) -> None:
    """Close a file as it is; never raises."""
    with contextlib.suppress(OSError, *WRITE_ERRORS):
        if file:
            # On a full disk HDF5 could not save the file, so it would never close it, and the
            # disk would stay full until the process ends.
            os.truncate(path, 0)
            file.close()


def create_store(folder: Path, spec: ShardSpec) -> Hdf5Writer:
    """Begin a shard; see :class:`degrade.pairs.stores.base.Store`."""
    return Hdf5Writer(folder / f"{spec.entry_names[0]}{TEMPORARY}", spec)


def open_store(folder: Path, sidecar: Sidecar, suffix: str) -> Hdf5Reader:
    """Open a shard; see :class:`degrade.pairs.stores.base.Store`."""
    return Hdf5Reader(folder / f"{sidecar.entry_names[0]}{suffix}", sidecar)


class Hdf5Writer:
    """Writes one shard; see :class:`degrade.pairs.stores.base.StoreWriter`."""

    def __init__(self, path: Path, spec: ShardSpec) -> None:
        self._path = path
        self._is_fixed = spec.hr_size is not None
        self._file = create_file(path)
        try:
            self._begin(spec)
        except BaseException:
            self.discard()
            raise

    def _begin(self, spec: ShardSpec) -> None:
        with writing(self._path, STRUCTURE_BYTES, *WRITE_ERRORS):
            self._file.attrs["format"] = np.bytes_("degrade-pairs")
            self._file.attrs["scale"] = np.asarray(scale_to_json(spec.scale), np.int64)
            self._sides = [
                self._file.create_group(name)
                if side is None
                else self._file.create_dataset(
                    name,
                    shape=(0, side, side, 3),
                    maxshape=(None, side, side, 3),
                    chunks=(1, side, side, 3),
                    dtype=np.uint8,
                    track_times=False,
                )
                for name, side in zip(_SIDES, (spec.lr_size, spec.hr_size), strict=True)
            ]

    def append(self, record: PairRecord, lr_u8: U8Array, hr_u8: U8Array) -> None:
        """Write the next row."""
        with writing(self._path, lr_u8.nbytes + hr_u8.nbytes, *WRITE_ERRORS):
            for side, image in zip(self._sides, (lr_u8, hr_u8), strict=True):
                if self._is_fixed:
                    # A row is a chunk, and writing it as one takes a third of the time.
                    side.id.set_extent((record.row + 1, *image.shape))
                    pixels = np.ascontiguousarray(image)
                    side.id.write_direct_chunk((record.row, 0, 0, 0), pixels)
                else:
                    # Chunked too: what is not goes through a buffer, and when a full disk keeps
                    # HDF5 from writing that, it crashes.
                    side.create_dataset(
                        record.key, data=image, chunks=image.shape, track_times=False
                    )

    def close(self) -> None:
        """Bring everything to disk and close the file."""
        with writing(self._path, STRUCTURE_BYTES, *WRITE_ERRORS):
            self._file.close()
            sync_file(self._path)

    def discard(self) -> None:
        """Close the file as it is."""
        discard_file(self._file, self._path)


class Hdf5Reader:
    """Reads one shard; see :class:`degrade.pairs.stores.base.StoreReader`.

    HDF5 says where each sample lies, once, and its bytes are then read from there, which takes
    half the time of asking it for a part of a dataset. The places take 16 bytes a pair.
    """

    def __init__(self, path: Path, sidecar: Sidecar) -> None:
        self._path, self._name = path, sidecar.file_names[0]
        count = len(sidecar.records)
        self._starts = tuple(array("q", [_UNKNOWN]) * count for _ in _SIDES)
        with reading(path), contextlib.ExitStack() as opened:
            self._raw = opened.enter_context(_open(path))
            self._size = os.fstat(self._raw.fileno()).st_size
            size = sum(math.prod(r.lr_shape) + math.prod(r.hr_shape) for r in sidecar.records)
            if size > self._size:
                raise CorruptDataError(f"too small for the {size} bytes of its pairs")
            self._file = opened.enter_context(h5py.File(path, "r", locking=False, rdcc_nbytes=0))
            if sidecar.lr_size is None or sidecar.hr_size is None:
                self._groups = tuple(_check_group(self._file, name, count) for name in _SIDES)
            else:
                sides = (sidecar.lr_size, sidecar.hr_size)
                for name, side, starts in zip(_SIDES, sides, self._starts, strict=True):
                    self._locate_rows(name, (count, side, side, 3), starts)
                self._file.close()
            opened.pop_all()

    def read(self, record: PairRecord) -> PixelPair:
        """Return a pair whose bytes are known to be those that were written."""
        with reading(self._path, f"row {record.row}, key {record.key}"):
            lr_start, hr_start = self._find(record)
            lr = read_image(self._raw.fileno(), lr_start, record.lr_shape)
            hr = read_image(self._raw.fileno(), hr_start, record.hr_shape)
            if pair_crc32(lr, hr) != record.crc32:
                raise CorruptDataError("its bytes are not those that were written (crc32)")
        return lr, hr

    def read_crop(self, record: PairRecord, lr_box: Box, hr_box: Box) -> PixelPair:
        """Return a window of LR and one of HR, reading only their rows; nothing is checked."""
        with reading(self._path, f"row {record.row}, key {record.key}"):
            lr_start, hr_start = self._find(record)
            return (
                read_window(self._raw.fileno(), lr_start, record.lr_shape, lr_box),
                read_window(self._raw.fileno(), hr_start, record.hr_shape, hr_box),
            )

    def check_all(self, records: Sequence[PairRecord]) -> dict[str, int]:
        """Read the file once, from its beginning to its end."""
        with reading(self._path):
            places = [self._find(record) for record in records]
            shapes = [(math.prod(r.lr_shape), math.prod(r.hr_shape)) for r in records]
            parts = [
                part
                for starts, sizes in zip(places, shapes, strict=True)
                for part in zip(starts, sizes, strict=True)
            ]
            order = sorted(range(len(parts)), key=parts.__getitem__)
            self._raw.seek(0)
            whole, sums = parts_crc32(self._raw, [parts[number] for number in order])
            found = dict(zip(order, sums, strict=True))
            for number, (record, (_, size)) in enumerate(zip(records, shapes, strict=True)):
                if combine_crc32(found[2 * number], found[2 * number + 1], size) != record.crc32:
                    raise CorruptDataError(
                        f"row {record.row}, key {record.key}: its bytes are not those that were "
                        "written (crc32)"
                    )
        return {self._name: whole}

    def _find(self, record: PairRecord) -> tuple[int, int]:
        """Return where LR and HR of a pair begin in the file."""
        if self._starts[1][record.row] == _UNKNOWN:
            shapes = (record.lr_shape, record.hr_shape)
            for group, shape, starts in zip(self._groups, shapes, self._starts, strict=True):
                dataset = _check_dataset(group, record.key, shape)
                chunk = dataset.id.get_chunk_info_by_coord((0, 0, 0))
                starts[record.row] = self._check_chunk(chunk, math.prod(shape))
        return self._starts[0][record.row], self._starts[1][record.row]

    def _locate_rows(self, name: str, shape: tuple[int, ...], starts: array[int]) -> None:
        """Find where each row of a dataset begins."""
        dataset = _check_dataset(self._file, name, shape)
        chunks: list[Any] = []
        dataset.id.chunk_iter(chunks.append)
        for chunk in chunks:
            starts[chunk.chunk_offset[0]] = self._check_chunk(chunk, math.prod(shape[1:]))
        if _UNKNOWN in starts:
            raise CorruptDataError(f"{name!r}: row {starts.index(_UNKNOWN)} is not in the file")

    def _check_chunk(self, chunk: Any, size: int) -> int:
        """Return where a chunk begins, once it is known to be a plain one inside the file."""
        start = chunk.byte_offset
        if chunk.size != size or chunk.filter_mask or any(chunk.chunk_offset[1:]):
            raise CorruptDataError(f"the chunk at {chunk.chunk_offset} is not {size} plain bytes")
        if start is None or not 0 < start <= self._size - size:
            raise CorruptDataError(f"the chunk at {chunk.chunk_offset} does not lie in the file")
        return int(start)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        self._raw.close()


def _open(path: Path) -> BufferedReader:
    try:
        return open_regular(path)
    except InputError as error:
        raise CorruptDataError(error.reason) from None


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
