"""The pool's ``.npy`` files: named by a hash of what they hold, checked against it when read."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from degrade.arrays import AnyArray
from degrade.disk.files import resolve_inside, write_together
from degrade.disk.npy import map_npy
from degrade.disk.processes import is_temporary
from degrade.errors import CorruptDataError, DegradeError, InputError, printable, write_failure
from degrade.geometry import Scale
from degrade.noise.residuals import channel_means
from degrade.pool.records import KernelRecord, NoiseRecord
from degrade.wording import counted

__all__ = ["ObjectFiles", "content_id"]

_FOLDERS: dict[type[KernelRecord | NoiseRecord], str] = {
    KernelRecord: "kernels",
    NoiseRecord: "noise",
}

_WRITTEN_AT_ONCE = 32
"""Files that are open and in memory together while they are written; some systems allow 64."""


def content_id(array: AnyArray, scale: Scale | None = None) -> str:
    """Return the BLAKE2b-128 of dtype, shape, scale and little-endian bytes."""
    little = _little_endian(array)
    head = [little.dtype.str, *little.shape] + ([] if scale is None else [f"scale {scale}"])
    digest = hashlib.blake2b(json.dumps(head).encode(), digest_size=16)
    digest.update(little.data)
    return digest.hexdigest()


def _little_endian(array: AnyArray) -> AnyArray:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


def _npy_bytes(array: AnyArray) -> bytes:
    little = _little_endian(array)
    return b"".join((_npy_head(little.dtype, little.shape), little.data))


@functools.lru_cache(maxsize=16)
def _npy_head(dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """Return what stands before the values of an array in C order."""
    buffer = io.BytesIO()
    descr = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(
        buffer, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Extent:
    """Where in a checked file the pixels lie, one after the other."""

    path: str
    offset: int
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, mapped: AnyArray, path: Path) -> _Extent:
        return cls(str(path), cast("np.memmap[Any, Any]", mapped).offset, mapped.dtype)


def _read_part(extent: _Extent, offset: int, length: int) -> bytes:
    if os.path.islink(os.path.dirname(extent.path)):  # noqa: PTH114, PTH120 - for each crop
        raise CorruptDataError(f"{printable(extent.path)}: its folder became a link")
    try:
        # The path was resolved: a link or a FIFO there now is not the file that was checked.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(extent.path, flags)
        try:
            data = os.pread(descriptor, length, offset)
        finally:
            os.close(descriptor)
    except OSError as error:
        what = f"cannot be read ({error.strerror}); check path and permissions"
        raise CorruptDataError(f"{printable(extent.path)}: {what}") from None
    if len(data) != length:
        raise CorruptDataError(f"{printable(extent.path)}: it was cut short since it was checked")
    return data


class ObjectFiles:
    """The folders ``kernels/`` and ``noise/`` of a pool.

    Every method that reads raises CorruptDataError when a file is missing or is not what its
    record says; the text names it.

    Parameters
    ----------
    pool : Path
        The pool's folder.
    """

    def __init__(self, pool: Path) -> None:
        self._pool = pool
        self._folders: dict[type[KernelRecord | NoiseRecord], Path] = {}
        self._extents: dict[str, _Extent] = {}

    def path(self, record: KernelRecord | NoiseRecord) -> Path:
        """Return where a record's file is; DegradeError when that leads out of the pool."""
        path = self._own_path(record)
        if path.is_symlink():
            return resolve_inside(self._pool, f"{_FOLDERS[type(record)]}/{path.name}")
        return path

    def _own_path(self, record: KernelRecord | NoiseRecord) -> Path:
        """Return the name that a file has, or gets, though there may be a link of that name."""
        kind = type(record)
        # Asked each time: a link may have taken the folder's place since.
        if (self._pool / _FOLDERS[kind]).is_symlink():
            return resolve_inside(self._pool, _FOLDERS[kind]) / f"{record.id}.npy"
        if kind not in self._folders:
            self._folders[kind] = resolve_inside(self._pool, _FOLDERS[kind])
        return self._folders[kind] / f"{record.id}.npy"

    def prepare(self) -> None:
        """Make the folders, and clear away what killed writers left; the caller holds the lock."""
        self._folders.clear()
        for name in _FOLDERS.values():
            folder = resolve_inside(self._pool, name)
            try:
                folder.mkdir(exist_ok=True)
                for path in folder.iterdir():
                    if is_temporary(path.name):
                        path.unlink()
            except OSError as error:
                raise DegradeError(write_failure(folder, 0, error)) from None

    def write(self, objects: Sequence[tuple[KernelRecord | NoiseRecord, AnyArray]]) -> None:
        """Write the files of some records; each is complete on disk, or not there."""
        for first in range(0, len(objects), _WRITTEN_AT_ONCE):
            some = objects[first : first + _WRITTEN_AT_ONCE]
            # A link is replaced, and not followed.
            write_together([(self._own_path(record), _npy_bytes(array)) for record, array in some])

    def check(self, record: KernelRecord | NoiseRecord) -> None:
        """Read a file anew and compare it with all that its record says."""
        if isinstance(record, KernelRecord):
            self.read_weights(record)
            return
        offset = channel_means(self._read_pixels(record)) - record.means
        if np.abs(offset).max() > 1e-6:
            raise CorruptDataError(
                f"{printable(self.path(record))}: its recorded channel means are wrong"
            )

    def read_weights(self, record: KernelRecord) -> AnyArray:
        """Return a kernel's (K, K) float32 weights as they were added."""
        path = self.path(record)
        weights = _map_array(path, (record.size, record.size), ("<f4",))
        _check_content(path, content_id(weights, record.scale), record.id)
        return weights

    def map_pixels(self, record: NoiseRecord) -> AnyArray:
        """Return a noise patch's (P, P, 3) uint8 or uint16 pixels, mapped.

        The content is checked once per process, when it is first used.
        """
        if record.id in self._extents:
            return self._map_pixels(record)
        pixels = self._read_pixels(record)
        self._extents[record.id] = _Extent.of(pixels, self.path(record))
        return pixels

    def read_rows(self, record: NoiseRecord, top: int, height: int) -> AnyArray:
        """Return (height, P, 3) rows of a noise patch; checked as by :meth:`map_pixels`.

        No file is kept open, so a pool of any size is read at the same speed.
        """
        extent = self._extents.get(record.id)
        if extent is None:
            return self.map_pixels(record)[top : top + height]
        row_bytes = 3 * record.size * extent.dtype.itemsize
        data = _read_part(extent, extent.offset + top * row_bytes, height * row_bytes)
        return np.frombuffer(data, extent.dtype).reshape(height, record.size, 3)

    def _read_pixels(self, record: NoiseRecord) -> AnyArray:
        pixels = self._map_pixels(record)
        _check_content(self.path(record), content_id(pixels), record.id)
        return pixels

    def _map_pixels(self, record: NoiseRecord) -> AnyArray:
        return _map_array(self.path(record), (record.size, record.size, 3), ("|u1", "<u2"))


def _map_array(path: Path, shape: tuple[int, ...], dtypes: tuple[str, ...]) -> AnyArray:
    try:
        array = map_npy(path)
    except InputError as error:
        raise CorruptDataError(str(error)) from None
    if array.shape != shape or array.dtype.str not in dtypes or not array.flags.c_contiguous:
        raise CorruptDataError(
            f"{printable(path)}: must hold {shape} of {' or '.join(dtypes)} in C order, "
            f"got {array.shape} of {array.dtype.str}"
        )
    more = path.stat().st_size - cast("np.memmap[Any, Any]", array).offset - array.nbytes
    if more:
        raise CorruptDataError(
            f"{printable(path)}: holds {counted(more, 'byte')} more than what was added"
        )
    return array


def _check_content(path: Path, found: str, recorded: str) -> None:
    if found != recorded:
        raise CorruptDataError(f"{printable(path)}: its content is not what was added (hash)")
