"""Blurring an 8-bit image and keeping LR's pixels, compiled."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray, U8Array
from degrade.compiled.loading import pointer, required_code

__all__ = ["SamplingForm", "sample", "sample_and_tell"]


class SamplingForm(IntEnum):
    """How sums are computed: in floats, or in integers, two or four taps at once."""

    BEST = 0
    FLOATS = 1
    PAIRS_256 = 2
    PAIRS_512 = 3
    QUADS_512 = 4


def sample(
    image_u8: U8Array,
    coarse: FloatArray,
    fine: FloatArray,
    units: npt.NDArray[np.float64],
    places: tuple[int, Sequence[int]],
    box: tuple[int, int, int, int],
    *,
    form: SamplingForm = SamplingForm.BEST,
) -> FloatArray:
    """Correlate a part of an image with integer taps, of which there are d² sets in turn.

    Parameters
    ----------
    image_u8 : (H, W, C) uint8 array
        Mirrored outside, its edge repeated.
    coarse, fine : (d, d, K, K) float32 array
        Integers, so small that no sum of their products with 128 passes 2²⁴. ``[r, c]`` make the
        pixels (r, c), (r, c + d), …
    units : (d, d, 2) float64 array
        Powers of two, at least 2⁻²⁸, by which coarse and fine sums are multiplied.
    places : (step, starts)
        Where the taps of the d pixels of a period begin, ascending, and the ``step`` from a period
        to the next; in pixels of the image.
    box : (top, left, rows, columns)
        The pixel that a tap at place 0 reads, which may lie outside; how many sums, multiples of d.
    form : SamplingForm
        For tests: all give the same bits. One that was not built, or that the
        taps are not for, is passed over.

    Returns
    -------
    (rows, columns, C) float32 array
        unit₁ · Σ coarse · (pixel - 128) + unit₂ · Σ fine · (pixel - 128) + 128, rounded once.

    Raises
    ------
    MemoryError
    RuntimeError
        The code is not compiled.
    """
    return sample_and_tell(image_u8, coarse, fine, units, places, box, form)[0]


def sample_and_tell(
    image_u8: U8Array,
    coarse: FloatArray,
    fine: FloatArray,
    units: npt.NDArray[np.float64],
    places: tuple[int, Sequence[int]],
    box: tuple[int, int, int, int],
    form: SamplingForm,
) -> tuple[FloatArray, SamplingForm]:
    """Return what :func:`sample` does, and the form that was taken; all else as there."""
    code = required_code()
    step, starts = places
    sets = [np.ascontiguousarray(taps, np.float32) for taps in (coarse, fine)]
    kept = [np.ascontiguousarray(image_u8), *sets, np.ascontiguousarray(units, np.float64)]
    first, out = np.array(starts, np.int32), np.empty((*box[2:], image_u8.shape[2]), np.float32)
    taken = code.degrade_sample(
        pointer(kept[0]),
        *map(ctypes.c_int64, image_u8.shape[:2]),
        image_u8.shape[2],
        *map(pointer, kept[1:]),
        len(starts),
        pointer(first),
        coarse.shape[3],
        step,
        *map(ctypes.c_int64, box),
        form,
        pointer(out),
    )
    if taken < 0:
        raise MemoryError
    return out, SamplingForm(taken)
