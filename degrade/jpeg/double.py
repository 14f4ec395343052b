"""Whether a photo was a JPEG before it became the one that it is.

On the same grid: coefficients that were multiples of one step before they became multiples of
another leave gaps and heaps among the latter. On another grid: what the first one's table made zero
is still smaller there than at the phases that mirror it.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.jpeg.grid import GridVotes
from degrade.jpeg.tables import standard_tables
from degrade.jpeg.transform import BLOCK

__all__ = ["earlier_grid", "earlier_on_grid"]

_MOST = 48
"""Multiples of the last step that are looked at."""

_ASTRAY = 0.05
_ROUNDING = 0.12
"""Variance of what rounding pixels, to levels of luma and then of RGB, adds to a coefficient."""

_QUALITIES = range(30, 100)
_COARSER = 1.3
"""How much larger the first steps must be, all together, of every quality that fits: nearer ones
are taken for those of photos whose coefficients fall off otherwise than assumed."""

_LEAST, _APART = 60.0, 20.0
"""Log-likelihood ratio from which on an earlier compression is claimed, and by how much a quality
must be ahead of another to exclude it."""

_EACH = 0.02
"""What each coefficient must say on the mean."""

_LEAST_CELLS = 100
_SIGMAS = 9.0
"""How many standard errors another grid must stand out by; single ones reached 6 in 190 photos."""


def earlier_on_grid(blocks: FloatArray, table: tuple[int, ...]) -> tuple[int, int] | None:
    """Look for an earlier compression by libjpeg with a lower quality, on the same grid.

    Parameters
    ----------
    blocks : (N, 64) float32 array
        Coefficients of luma.
    table : tuple of 64 int
        The last steps, row by row as those of ``blocks``.

    Returns
    -------
    (int, int) or None
        The qualities that fit: the lowest and the highest. None: no compression can be told, which
        does not mean that there was none; with larger steps the last one hides the first.
    """
    steps = np.array(table, np.float32)
    multiples = np.minimum(np.rint(np.abs(blocks) / steps), _MOST + 1).astype(np.int64)
    multiples += np.arange(64) * (_MOST + 2)
    counts = np.bincount(multiples.ravel(), minlength=64 * (_MOST + 2))
    counts = counts.reshape(64, _MOST + 2)[1:, 1 : _MOST + 1]
    totals = counts.sum(axis=1)
    coarser = [q for q in _QUALITIES if sum(standard_tables(q)[0]) > sum(table)]
    if not coarser or not totals.any():
        return None
    chance = _by_chance(counts, totals)
    sums = _supports(tuple(coarser), table, counts, totals, chance)
    best = float(sums.max())
    if best < max(_LEAST, _EACH * totals.sum()):
        return None
    fitting = [
        quality for quality, found in zip(coarser, sums, strict=True) if found > best - _APART
    ]
    if sum(standard_tables(fitting[-1])[0]) < _COARSER * sum(table):
        return None
    return fitting[0], fitting[-1]


def earlier_grid(votes: GridVotes, phase: tuple[int, int]) -> tuple[int, int] | None:
    """Look for a grid besides that of ``phase``.

    A phase as far on one side of the grid as another on the other has as many zeros, but for what
    another grid has left. On the grid's own phase and half a block from it nothing can be told.

    Returns
    -------
    (row, column) or None
        None: no such grid can be told.
    """
    zeros = np.roll(votes.zeros.astype(np.float32), (-phase[0], -phase[1]), (1, 2))
    if len(zeros) < _LEAST_CELLS:
        return None
    ahead = zeros - np.roll(zeros[:, ::-1, ::-1], (1, 1), (1, 2))
    mean = ahead.mean(axis=0)
    error = ahead.std(axis=0) / np.sqrt(len(ahead))
    row, column = (int(place) for place in np.unravel_index(int(mean.argmax()), mean.shape))
    if mean[row, column] <= _SIGMAS * error[row, column]:
        return None
    return (row + phase[0]) % BLOCK, (column + phase[1]) % BLOCK


def _by_chance(
    counts: npt.NDArray[np.int64], totals: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return how likely each multiple is without an earlier compression: geometric."""
    places = np.arange(1, _MOST + 1)
    mean = np.maximum(counts @ places / np.maximum(totals, 1), 1.0)
    falling = (1 - 1 / mean)[:, None]
    chance: npt.NDArray[np.float64] = falling ** (places - 1) / mean[:, None]
    return chance


def _supports(
    qualities: tuple[int, ...],
    table: tuple[int, ...],
    counts: npt.NDArray[np.int64],
    totals: npt.NDArray[np.int64],
    chance: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the log-likelihood ratio of each quality against no earlier compression."""
    rates, logs = _rates_of(qualities, table)
    # What the rates say of how often there is any multiple at all, is no evidence.
    norms = np.log(np.einsum("qfm,fm->qf", rates, chance))
    found: npt.NDArray[np.float64] = logs.reshape(len(qualities), -1) @ counts.ravel()
    found -= norms @ totals
    return found


@functools.lru_cache(maxsize=8)
def _rates_of(
    qualities: tuple[int, ...], table: tuple[int, ...]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the rates of all frequencies but the mean, (qualities, 63, multiples); their logs."""
    rates = np.empty((len(qualities), 63, _MOST))
    for number, quality in enumerate(qualities):
        first = standard_tables(quality)[0]
        for place in range(63):
            rates[number, place] = _rates(first[place + 1], table[place + 1])
    return rates, np.log(rates)


@functools.lru_cache(maxsize=8192)
def _rates(first: int, last: int) -> npt.NDArray[np.float64]:
    """Return how much more often each multiple of ``last`` comes after ``first`` than without."""
    if first == last:
        return np.ones(_MOST)
    from scipy.special import ndtr  # takes long to load, and most photos need none of it

    sigma = np.sqrt(_ROUNDING)
    places = np.arange(1, _MOST + 1)[:, None]
    low, high = (places - 0.5) * last, (places + 0.5) * last
    nearest = np.rint(places * last / first)
    around = np.arange(-(last // first) - 2, last // first + 3)
    earlier = (nearest + around) * first
    inside = ndtr((high - earlier) / sigma) - ndtr((low - earlier) / sigma)
    rates: npt.NDArray[np.float64] = (1 - _ASTRAY) * inside.sum(axis=1) * first / last + _ASTRAY
    return rates
