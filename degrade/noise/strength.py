"""How strong noise is at which colour: a curve of log σ² for each channel, and its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray
from degrade.noise.cells import Cells

__all__ = ["DIFFERENCES", "LEVELS", "Strength", "fit_strength", "sigma_at"]

LEVELS = np.arange(0, 257, 16)
"""Levels for which a strength is stated; between two of them it is a straight line."""

DIFFERENCES = np.arange(-256, 257, 16)
"""Differences of two channels for which its factor is stated."""

_MOST_KNOTS = 5
_CELLS_PER_KNOT = 8
_LEAST_RANGE = 8.0
_MOST_OFF = 3.0
_ROUNDS = 30
_OF_FORM = 0.1

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Strength:
    """The standard deviation of one channel's noise, in grey levels.

    Attributes
    ----------
    sigma : (17,) float64 array
        At :data:`LEVELS` of the channel, for grey.
    low, high : (17,) float64 arrays
        Its interval, as the scatter from patch to patch tells it, and 10 % of the variance for what
        the form of the curve misses. Beyond the levels that were seen ``sigma`` is held, and the
        interval widens by a factor of 2 in 64 levels.
    factors : (3, 33) float64 array
        For each channel, at :data:`DIFFERENCES` from it to this one: σ is larger by this factor. A
        camera's colour matrix brings the noise of one channel into the others. 1 for itself.
    knots : tuple of float
        Levels between which log σ² is straight.
    """

    sigma: _Floats
    low: _Floats
    high: _Floats
    factors: _Floats
    knots: tuple[float, ...]


def fit_strength(cells: Cells, weights: _Floats, channel: int) -> Strength:
    """Fit the strength of one channel.

    Parameters
    ----------
    cells : Cells
        One at least.
    weights : (N,) float64 array
        What each counts.
    channel : int
    """
    means, variances = cells.means, cells.variances[:, channel]
    levels = means[:, channel]
    knots = _place_knots(levels)
    count = len(knots)
    tint = np.delete(means, channel, axis=1) - levels[:, None]
    seen = np.quantile(tint, [0.02, 0.98], axis=0)
    basis = np.concatenate([_hats(levels, knots), np.clip(tint, *seen) / 64], axis=1)
    # Neighbouring knots are held together, and tints to nothing, as by one cell that says so.
    ties = np.diff(np.eye(count), axis=0)
    ridge = np.eye(count + 2)
    ridge[:count, :count] = ties.T @ ties
    found, spread = _solve(basis, variances, weights, ridge, cells.patch)
    held = np.clip(LEVELS, levels.min(), levels.max())
    at = _hats(held, knots)
    log = at @ found[:count]
    # 2.5 and not 1.96: of few patches the scatter is not well known either.
    doubt = _OF_FORM + 2.5 * np.sqrt(np.einsum("lk,km,lm->l", at, spread[:count, :count], at))
    doubt += np.abs(LEVELS - held) / 64 * np.log(4)  # of the variance: twice the deviation
    factors = np.ones((3, len(DIFFERENCES)))
    for place, other in enumerate(np.delete(np.arange(3), channel)):
        steps = np.clip(DIFFERENCES, *seen[:, place]) / 64
        factors[other] = np.exp(steps * found[count + place] / 2)
    sigma, low, high = np.exp(np.array([log, log - doubt, log + doubt]) / 2)
    return Strength(sigma, low, high, factors, tuple(knots.tolist()))


def _solve(
    basis: _Floats,
    variances: _Floats,
    weights: _Floats,
    ridge: _Floats,
    patch: npt.NDArray[np.int64],
) -> tuple[_Floats, _Floats]:
    """Return the coefficients of the logarithm of the mean variance, and their covariance.

    A gamma regression: it fits the mean, where least squares of logarithms would fit less. Cells
    of one patch err together, by what the curve misses at its level.
    """
    found = np.zeros(basis.shape[1])
    found[:-2] = np.log(np.average(variances, weights=weights))
    normal = (basis.T * weights) @ basis + ridge
    off = np.zeros(len(variances))
    for _ in range(_ROUNDS):
        # Held within a factor: what texture is left counts little.
        off = np.minimum(variances / np.exp(basis @ found), _MOST_OFF) - 1
        step = np.linalg.solve(normal, basis.T @ (weights * off) - ridge @ found)
        found += np.clip(step, -1, 1)
    inverse = np.linalg.inv(normal)
    scores = basis * (weights * off)[:, None]
    _, numbers = np.unique(patch, return_inverse=True)
    sums = np.stack([np.bincount(numbers, column) for column in scores.T], axis=-1)
    return found, inverse @ (sums.T @ sums) @ inverse


def _place_knots(levels: _Floats) -> _Floats:
    """Return 1 to 5 levels, evenly from the lowest to the highest, those with cells around them."""
    count = min(_MOST_KNOTS, len(levels) // _CELLS_PER_KNOT)
    low, high = levels.min(), levels.max()
    if count < 2 or high - low < _LEAST_RANGE:
        return np.array([levels.mean()])
    even = np.linspace(low, high, count)
    reach = (high - low) / (count - 1) / 2
    around = (np.abs(levels[:, None] - even) <= reach).sum(axis=0)
    around[[0, -1]] = _CELLS_PER_KNOT
    knots: _Floats = even[around >= _CELLS_PER_KNOT]
    return knots


def _hats(levels: AnyArray, knots: _Floats) -> _Floats:
    """Return the basis of what is straight between knots and constant beyond them."""
    return np.stack([np.interp(levels, knots, one) for one in np.eye(len(knots))], axis=-1)


def sigma_at(strengths: tuple[Strength, ...], levels: FloatArray) -> FloatArray:
    """Return the standard deviation at each sample of an (h, w, 3) image of grey levels.

    The same bits on every machine: tables, and single float32 operations.
    """
    seen = np.clip(levels, 0, 255)
    found = np.empty_like(seen)
    for channel, strength in enumerate(strengths):
        own = seen[..., channel]
        sigma = _between(strength.sigma, own)
        for other in range(3):
            if other != channel:
                sigma *= _between(strength.factors[other], seen[..., other] - own + np.float32(256))
        found[..., channel] = sigma
    return found


def _between(table: _Floats, places: FloatArray) -> FloatArray:
    """Return what a table with a value for every 16th place says in between."""
    values = table.astype(np.float32)
    rest = places * np.float32(1 / 16)
    index = rest.astype(np.int64)
    rest -= index.astype(np.float32)
    rest *= np.diff(values)[index]
    rest += values[index]
    return rest
