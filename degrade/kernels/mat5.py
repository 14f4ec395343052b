"""Reading the numeric arrays of MATLAB v5 files (``save -v6`` and ``-v7``) without trust.

``scipy.io.loadmat`` is not used for files that others made: a few changed bytes can make its
compiled reader crash the process. This one knows plain numeric arrays and cells of them, and
passes over everything else (structs, objects, text, sparse and complex arrays).

References
----------
MathWorks, "MAT-File Format", the chapter on Level 5 files.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator

import numpy as np

from degrade.arrays import AnyArray

__all__ = ["is_mat5", "read_mat5"]

_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_CELL_CLASS = 1
_NUMERIC_CLASSES = range(6, 16)
_COMPLEX, _LOGICAL = 0x0800, 0x0200
_STORAGE = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}


def is_mat5(data: bytes) -> bool:
    """Tell whether a file's content begins as a MATLAB v5 file does."""
    return data[124:128] in (b"\x00\x01IM", b"\x01\x00MI")


def read_mat5(data: bytes, *, max_bytes: int) -> dict[str, list[AnyArray]]:
    """Return each numeric variable, or the numeric members of a cell, by name.

    Parameters
    ----------
    data : bytes
        The file's content.
    max_bytes : int
        What the compressed parts may come to, all together.

    Raises
    ------
    ValueError, struct.error, zlib.error
        The data are damaged, cut short, or inflate to more than ``max_bytes``.
    """
    order = "<" if data[126:128] == b"IM" else ">"
    variables: dict[str, list[AnyArray]] = {}
    for kind, body in _elements(data[_HEADER:], order):
        if kind == _COMPRESSED:
            body = _inflate(body, max_bytes)
            max_bytes -= len(body)
            kind, body = next(_elements(body, order), (0, b""))
        if kind == _MATRIX:
            name, arrays = _read_matrix(body, order)
            if arrays:
                variables[name] = arrays
    return variables


def _inflate(body: bytes, limit: int) -> bytes:
    stream = zlib.decompressobj()
    inflated = stream.decompress(body, max(limit, 1))
    if not stream.eof:
        raise ValueError("compressed data that are cut short or too large")
    return inflated


def _elements(data: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yield (type, body) of the data elements that follow each other in ``data``."""
    position = 0
    while position + 8 <= len(data):
        kind, size = struct.unpack_from(order + "II", data, position)
        start = position + 8
        if kind >> 16:  # the small form: two bytes of size, two of type, four of data
            kind, size, start = kind & 0xFFFF, kind >> 16, position + 4
            position += 8
        elif kind == _COMPRESSED:
            position = start + size
        else:
            position = start + size + -size % 8
        body = data[start : start + size]
        if len(body) < size:
            raise ValueError("an array that is cut short")
        yield kind, body


def _read_matrix(body: bytes, order: str) -> tuple[str, list[AnyArray]]:
    parts = _elements(body, order)
    head = [part for _, part in (next(parts, (0, b"")) for _ in range(3))]
    if len(head[0]) < 8:
        return "", []  # MATLAB writes an empty array as a matrix without content
    (flags,) = struct.unpack_from(order + "I", head[0])
    shape = tuple(np.frombuffer(head[1], order + "i4").tolist())
    name = head[2].decode("utf-8", "replace")
    if flags & 0xFF == _CELL_CLASS:
        members = [_read_matrix(part, order)[1] for kind, part in parts if kind == _MATRIX]
        return name, [member[0] for member in members if len(member) == 1]
    if flags & 0xFF not in _NUMERIC_CLASSES or flags & (_COMPLEX | _LOGICAL):
        return name, []
    storage, values = next(parts, (0, b""))
    return name, [_read_numbers(values, _STORAGE.get(storage), shape, order)]


def _read_numbers(
    values: bytes, storage: str | None, shape: tuple[int, ...], order: str
) -> AnyArray:
    if storage is None or min(shape, default=-1) < 0:
        raise ValueError("an array of no known type or size")
    array = np.frombuffer(values, order + storage)
    if array.size != math.prod(shape):
        raise ValueError(f"{array.size} values where {shape} are declared")
    return array.reshape(shape, order="F")
