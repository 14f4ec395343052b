"""Poisson numbers that are the same on every machine and with every version of NumPy.

As for normal numbers (:mod:`degrade.noise.normals`): 16 bits of the raw stream choose a quantile of
the distribution from a table of whole numbers. So probabilities are whole 1/65536, and what is
rarer than that does not come.
"""

from __future__ import annotations

import functools
from math import exp

import numpy as np
import numpy.typing as npt

__all__ = ["LARGEST_MEAN", "draw_poisson", "quantile_table"]

LARGEST_MEAN = 255
_COUNT = 2**16


def draw_poisson(means: npt.NDArray[np.uint8], seed: int) -> npt.NDArray[np.int32]:
    """Draw a Poisson number for each mean, each independent of the others.

    Parameters
    ----------
    means : uint8 array
        Of any shape.
    seed : int
        At least 0.

    Returns
    -------
    int32 array
        Of the shape of ``means``.
    """
    ends, begins = quantile_table()
    words = np.random.PCG64(seed).random_raw(-(-means.size // 4)).astype("<u8", copy=False)
    drawn = words.view("<u2")[: means.size].astype(np.int64)
    flat = means.ravel().astype(np.int64)
    # In one ascending list of all means' tables: the place, less where that mean's table begins.
    places = np.searchsorted(ends, flat * _COUNT + drawn, side="right")
    return (places - begins[flat]).astype(np.int32).reshape(means.shape)


@functools.cache
def quantile_table() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the tables of the means 0 … 255 behind each other, and where each begins.

    Entry k of the table of mean m is m·65536 plus how many of the numbers of 16 bits stand for k or
    less. None lies so close to the next whole number that a library's rounding could move it.
    """
    tables = [mean * _COUNT + _ends(mean) for mean in range(LARGEST_MEAN + 1)]
    begins = np.cumsum([0, *(len(table) for table in tables[:-1])])
    return np.concatenate(tables), begins


def _ends(mean: int) -> npt.NDArray[np.int64]:
    share = total = exp(-mean)
    ends: list[int] = []
    count = 0
    while not ends or ends[-1] < _COUNT:
        # The last half step is the largest number's own.
        ends.append(int(total * _COUNT + 0.5))
        count += 1
        share *= mean / count
        total += share
    return np.array(ends, np.int64)
