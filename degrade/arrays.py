"""The array types that public signatures speak of, and how levels become whole numbers."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

__all__ = ["AnyArray", "Box", "FloatArray", "U8Array", "round_levels", "round_to_u8"]

FloatArray: TypeAlias = npt.NDArray[np.float32]
"""float32; images are RGB (H, W, 3) in [0, 1] unless said otherwise."""

U8Array: TypeAlias = npt.NDArray[np.uint8]
"""uint8; images are RGB (H, W, 3) in 0…255."""

AnyArray: TypeAlias = npt.NDArray[Any]

Box: TypeAlias = tuple[int, int, int, int]
"""(top, left, height, width) in pixels."""


def round_levels(levels: AnyArray, dtype: npt.DTypeLike) -> AnyArray:
    """Round to an unsigned integer type, halves to even, clipping what lies outside of it.

    Parameters
    ----------
    levels : float array of any shape
        Finite or infinite, in units of one level.
    dtype : uint8 or uint16

    Returns
    -------
    array of that shape and type
    """
    largest = 256 ** np.dtype(dtype).itemsize - 1
    clipped: AnyArray = np.clip(levels, 0, largest)
    return np.rint(clipped, out=clipped).astype(dtype)


def round_to_u8(levels: AnyArray) -> U8Array:
    """Do what :func:`round_levels` does, for uint8: an array of the same shape, 0 … 255."""
    return round_levels(levels, np.uint8)
