"""The pool's ``.npy`` files: named by a hash of what they hold, checked against it when read."""

from __future__ import annotations

import hashlib
import io
import json
from collections import OrderedDict
from pathlib import Path

import numpy as np

from degrade.arrays import AnyArray
from degrade.errors import CorruptDataError, DegradeError, InputError, printable
from degrade.files import resolve_inside, write_atomically
from degrade.noise import channel_means
from degrade.npy import map_npy
from degrade.pool.records import KernelRecord, NoiseRecord

__all__ = ["ObjectFiles", "content_id"]

_OPEN_MAPS = 128
"""Noise files kept mapped at once; each holds a file descriptor."""


def content_id(array: AnyArray, scale: int | None = None) -> str:
    """Return the BLAKE2b-128 of dtype, shape, scale and little-endian bytes."""
    little = _little_endian(array)
    head = [little.dtype.str, *little.shape] + ([] if scale is None else [f"scale {scale}"])
    digest = hashlib.blake2b(json.dumps(head).encode(), digest_size=16)
    digest.update(little.data)
    return digest.hexdigest()


def _little_endian(array: AnyArray) -> AnyArray:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))


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
        self._maps: OrderedDict[str, AnyArray] = OrderedDict()
        self._checked: set[str] = set()

    def path(self, record: KernelRecord | NoiseRecord) -> Path:
        """Return where a record's file is; DegradeError when that leads out of the pool."""
        folder = "kernels" if isinstance(record, KernelRecord) else "noise"
        return resolve_inside(self._pool, f"{folder}/{record.id}.npy")

    def prepare(self) -> None:
        """Make the folders, and clear away what killed writers left; the caller holds the lock."""
        for name in ("kernels", "noise"):
            folder = resolve_inside(self._pool, name)
            try:
                folder.mkdir(exist_ok=True)
                for left_over in folder.glob("*.tmp"):
                    left_over.unlink()
            except OSError as error:
                raise DegradeError(
                    f"{printable(folder)}: cannot be written ({error.strerror})"
                ) from None

    def write(self, record: KernelRecord | NoiseRecord, array: AnyArray) -> None:
        """Write a record's file; it is complete on disk, or not there."""
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, _little_endian(array), allow_pickle=False)
        write_atomically(self.path(record), buffer.getvalue())

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
        pixels = self._maps.get(record.id)
        if pixels is not None:
            self._maps.move_to_end(record.id)
            return pixels
        if record.id in self._checked:
            pixels = self._map_pixels(record)
        else:
            pixels = self._read_pixels(record)
            self._checked.add(record.id)
        self._maps[record.id] = pixels
        if len(self._maps) > _OPEN_MAPS:
            self._maps.popitem(last=False)
        return pixels

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
    if array.shape != shape or array.dtype.str not in dtypes:
        raise CorruptDataError(
            f"{printable(path)}: must hold {shape} of {' or '.join(dtypes)}, "
            f"got {array.shape} of {array.dtype.str}"
        )
    return array


def _check_content(path: Path, found: str, recorded: str) -> None:
    if found != recorded:
        raise CorruptDataError(f"{printable(path)}: its content is not what was added (hash)")
