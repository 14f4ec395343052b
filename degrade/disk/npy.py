"""Reading ``.npy`` files that nobody vouches for."""

from __future__ import annotations

import tokenize
from pathlib import Path

import numpy as np

from degrade.arrays import AnyArray
from degrade.disk.files import open_regular
from degrade.errors import InputError

__all__ = ["map_npy"]

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
        raise InputError(path, f"not a whole .npy array ({reason})") from None
    if array.dtype.kind not in "iuf":
        raise InputError(path, f"holds {array.dtype}, not plain numbers")
    return array
