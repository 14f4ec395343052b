"""The pool's ``.npy`` files: named by a hash of what they hold, checked against it when read."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np

from degrade.arrays import AnyArray
from degrade.errors import CorruptDataError, InputError, printable
from degrade.npy import map_npy

__all__ = ["check_content", "content_id", "npy_bytes", "read_object"]


def content_id(array: AnyArray, scale: int | None = None) -> str:
    """Return the BLAKE2b-128 of dtype, shape, scale and little-endian bytes."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    head = [little.dtype.str, *little.shape] + ([] if scale is None else [f"scale {scale}"])
    digest = hashlib.blake2b(json.dumps(head).encode(), digest_size=16)
    digest.update(little.data)
    return digest.hexdigest()


def npy_bytes(array: AnyArray) -> bytes:
    """Return the little-endian ``.npy`` file of an array."""
    buffer = io.BytesIO()
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    np.lib.format.write_array(buffer, little, allow_pickle=False)
    return buffer.getvalue()


def read_object(path: Path, shape: tuple[int, ...], dtypes: tuple[str, ...]) -> AnyArray:
    """Map a file that must hold this shape and one of these dtypes; CorruptDataError otherwise."""
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


def check_content(path: Path, found: str, recorded: str) -> None:
    """Raise CorruptDataError unless the id found is the one recorded."""
    if found != recorded:
        raise CorruptDataError(f"{printable(path)}: its content is not what was added (hash)")
