"""Reading ``.npy`` and ``.npz`` files that nobody vouches for."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from degrade.arrays import AnyArray
from degrade.disk.files import open_regular, read_file
from degrade.errors import InputError, printable

__all__ = ["map_npy", "read_npz"]

_HEADER_ERRORS = (
    ValueError,
    TypeError,
    OverflowError,
    EOFError,
    SyntaxError,
    tokenize.TokenError,
    RecursionError,
    MemoryError,
)

_REMEDY = "save it anew, as one array of floats or integers"


def map_npy(path: Path) -> AnyArray:
    """Map a ``.npy`` file read-only.

    Nothing is allocated for what the header declares, so a lie about the shape costs nothing; no
    pickle is ever read; a FIFO or a device is refused before it is opened.

    Raises
    ------
    InputError
        The file is missing, no regular file, or not a whole array of plain numbers.
    """
    open_regular(path).close()
    try:
        array: AnyArray = np.lib.format.open_memmap(path, mode="r")
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(path, f"cannot be read ({reason})", "check path and permissions") from None
    except _HEADER_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(path, f"not a whole .npy array ({reason})", _REMEDY) from None
    if array.dtype.kind not in "iuf":
        raise InputError(path, f"holds {array.dtype}, not plain numbers", _REMEDY)
    return array


def read_npz(path: Path, *, max_bytes: int) -> dict[str, AnyArray]:
    """Read the arrays of plain numbers of a ``.npz`` file, by name; no pickle is ever read.

    Others in it, of texts or objects, are passed over.

    Parameters
    ----------
    path : Path
    max_bytes : int
        What the arrays may come to, all together.

    Raises
    ------
    InputError
        The file is missing, damaged, or comes to more.
    """
    arrays: dict[str, AnyArray] = {}
    left = max_bytes
    try:
        with zipfile.ZipFile(io.BytesIO(read_file(path))) as archive:
            for member in archive.infolist():
                if not member.filename.endswith(".npy"):
                    continue
                with archive.open(member) as stream:
                    data = stream.read(left + 1)  # what is declared may be less than what comes
                left -= len(data)
                if left < 0:
                    raise ValueError(f"more than {max_bytes} bytes")
                array = _parse_npy(data)
                if array is not None:
                    arrays[member.filename.removesuffix(".npy")] = array
    except (*_HEADER_ERRORS, *_ARCHIVE_ERRORS) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(path, f"not a whole .npz file ({printable(reason):.120})") from None
    return arrays


_ARCHIVE_ERRORS = (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, NotImplementedError)


def _parse_npy(data: bytes) -> AnyArray | None:
    """Return the array of a ``.npy`` file's bytes; None when it is not of plain numbers."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    shape, is_fortran, dtype = read_header(stream)
    if dtype.kind not in "iuf":
        return None
    if len(data) - stream.tell() != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{shape} values are declared, others are there")
    array: AnyArray = np.frombuffer(data, dtype, offset=stream.tell())
    return array.reshape(shape, order="F" if is_fortran else "C")
