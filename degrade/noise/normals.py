"""Normal numbers that are the same bits on every machine and with every version of NumPy.

NumPy may change what its generators make of their stream, and logarithms and sines differ in their
last bits from library to library. So here 16 bits of the raw stream choose a quantile from a table,
and the table holds whole numbers.

The table is the quantiles at (n + ½) / 65536, rounded to 1/256 standard deviation. So it errs: the
distribution function by 8e-6 between two such steps, the variance by -2e-5, the kurtosis by -8e-4
of 3; and nothing lies beyond 4.33 standard deviations, where a normal number is once in 65,000
draws.
"""

from __future__ import annotations

import functools
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

__all__ = ["UNIT", "draw_normals", "draw_words", "quantiles"]

UNIT = 256
"""Standard deviation of the numbers."""

_COUNT = 2**16
_AT_ONCE = 2**16


def draw_normals(seed: int, count: int) -> npt.NDArray[np.int16]:
    """Draw normal numbers, each independent of the others.

    Parameters
    ----------
    seed : int
        At least 0.
    count : int
        A multiple of 4: so many are made of one word of PCG64's stream.

    Returns
    -------
    (count,) int16 array
        Their mean is 0, their standard deviation :data:`UNIT`.
    """
    stream, table = np.random.PCG64(seed), quantiles()
    drawn = np.empty(count, np.int16)
    # Some at a time: places in a table take four times the memory of what is found there.
    for start in range(0, count, _AT_ONCE):
        part = drawn[start : start + _AT_ONCE]
        words = stream.random_raw(len(part) // 4).astype("<u8", copy=False)
        np.take(table, words.view("<u2"), out=part, mode="wrap")
    return drawn


def draw_words(seed: int, count: int) -> npt.NDArray[np.uint64]:
    """Draw the (count,) words of which :func:`draw_normals` makes four numbers each."""
    words: npt.NDArray[np.uint64] = np.random.PCG64(seed).random_raw(count)
    return words


@functools.cache
def quantiles() -> npt.NDArray[np.int16]:
    """Return the table, ascending.

    The library that computes a quantile errs by about 1e-15. None lies as close as 1e-5 to where
    another whole number begins, so all libraries give the same table.
    """
    inverse = NormalDist().inv_cdf
    # One half, since the other is its negative.
    upper = [UNIT * inverse((n + 0.5) / _COUNT) for n in range(_COUNT // 2, _COUNT)]
    whole = np.rint(upper).astype(np.int16)
    return np.concatenate([-whole[::-1], whole])
