"""Reading the numeric arrays of MATLAB v7.3 files, which are HDF5, without trust."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np

from degrade.arrays import AnyArray

__all__ = ["is_mat73", "read_mat73"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_MAX_VALUES = 2**23
_MAX_MEMBERS = 10_000
_MAX_CHUNKS = 10_000


def is_mat73(data: bytes) -> bool:
    """Tell whether a file's content begins as an HDF5 file does, maybe behind MATLAB's header."""
    return _SIGNATURE in (data[512:520], data[:8])


def read_mat73(data: bytes, *, max_bytes: int) -> dict[str, list[AnyArray]]:
    """Return each numeric variable, or the numeric members of a cell, by name.

    Parameters
    ----------
    data : bytes
        The file's content.
    max_bytes : int
        What a chunk may come to.

    Raises
    ------
    ValueError, OSError, RuntimeError and others of h5py's
        The data are damaged, or hold too many values.
    """
    with h5py.File(io.BytesIO(data), "r") as file:
        datasets = {name: list(_datasets(file, name, max_bytes)) for name in file}
        # Counted before anything is read: a few bytes can declare, or inflate to, any size, and
        # a cell can name one array many times.
        if sum(item.size for group in datasets.values() for item in group) > _MAX_VALUES:
            raise ValueError("too many values for kernels")
        # MATLAB stores columns first, HDF5 declares rows first.
        return {name: [item[()].T for item in group] for name, group in datasets.items() if group}


def _datasets(file: h5py.File, name: str, max_bytes: int) -> Iterator[Any]:
    """Yield a numeric dataset, or the ones that a cell's references lead to."""
    # Links out of the file are not followed, and groups (structs, #refs#) not entered.
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        return
    item = file[name]
    if _is_numeric(item, max_bytes):
        yield item
    elif (
        not isinstance(item, h5py.Dataset)
        or item.shape is None
        or not _is_stored_here(item, max_bytes)
    ):
        return
    elif h5py.check_ref_dtype(item.dtype) is h5py.Reference and item.size <= _MAX_MEMBERS:
        for reference in item[()].ravel():
            member = file[reference] if reference else None
            if _is_numeric(member, max_bytes):
                yield member


def _is_numeric(item: Any, max_bytes: int) -> bool:
    return (
        isinstance(item, h5py.Dataset)
        and item.shape is not None
        and item.dtype.kind in "iuf"
        and _is_stored_here(item, max_bytes)
    )


def _is_stored_here(dataset: Any, max_bytes: int) -> bool:
    """Refuse data kept in other files, and chunks that could fill the memory.

    HDF5 inflates a chunk to whatever it comes to, at most 1032 times what is stored, and takes
    some 4 KB for each chunk that it reads, stored or not.
    """
    if dataset.external or dataset.is_virtual or dataset.compression not in (None, "gzip"):
        return False
    if dataset.chunks is None:
        return True
    chunk = np.prod(dataset.chunks, dtype=float) * dataset.dtype.itemsize
    count = np.prod(np.ceil(np.array(dataset.shape) / dataset.chunks), dtype=float)
    stored = dataset.id.get_storage_size()
    return bool(chunk <= max_bytes and count <= _MAX_CHUNKS and stored <= max_bytes // 64)
