"""How strong noise is at which colour: a curve of log σ² for each channel, and its doubt.

A channel's noise depends on its own level, by a curve with up to five knots; and on the levels of
the two other channels, since a camera's colour matrix brings their noise in, by a straight line of
log σ² each. So σ is a product of three numbers, one for each level.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.noise.statistics import ColourTable

__all__ = ["LEVELS", "Strength", "count_of", "fit_strength", "hats", "place_knots"]

LEVELS = np.arange(0.0, 257.0, 16.0)
"""Levels for which a strength is stated; between two of them it is a straight line."""

_MOST_KNOTS = 5
_LEAST_RANGE = 8.0
_LEAST_AROUND = 8
_ENOUGH = 16
"""Cells of one colour of one photo, from which on more tell little more: they err together."""

_MOST_OFF = 3.0
_ROUNDS = 30
_OF_FORM = 0.1
_UNIT = 64.0
_LEAST_VARIANCE = 1e-4

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Strength:
    """The standard deviation of one channel's noise, in grey levels.

    Attributes
    ----------
    sigma : (17,) float64 array
        At :data:`LEVELS` of grey.
    low, high : (17,) float64 arrays
        Its interval, as the scatter from colour to colour and photo to photo tells it, and 10 % of
        the variance for what the form of the curve misses. Beyond the levels that were seen
        ``sigma`` is held, and the interval widens by a factor of 2 in 64 levels.
    factors : (3, 17) float64 array
        What σ is multiplied with at :data:`LEVELS` of red, green and blue, with
        ``factors.prod(axis=0)`` equal to ``sigma``.
    least, most : float
        What σ is held between whatever the colour.
    seen : (float, float)
        Lowest and highest level of the channel that were seen.
    knots : tuple of float
        Levels between which log σ² is straight.
    """

    sigma: _Floats
    low: _Floats
    high: _Floats
    factors: _Floats
    least: float
    most: float
    seen: tuple[float, float]
    knots: tuple[float, ...]


def fit_strength(colours: ColourTable, channel: int) -> Strength:
    """Fit the strength of one channel.

    Parameters
    ----------
    colours : ColourTable
        Of one at least.
    channel : int
    """
    means = colours.means
    variances = np.maximum(colours.variances[:, channel], _LEAST_VARIANCE)
    weights = count_of(colours)
    knots = place_knots(means[:, channel], colours.cells)
    others = np.delete(np.arange(3), channel)
    tint = (means[:, others] - means[:, [channel]]) / _UNIT
    basis = np.concatenate([hats(means[:, channel], knots), tint], axis=1)
    # Neighbouring knots are held together, and tints to nothing, as by one cell that says so.
    ties, count = np.diff(np.eye(len(knots)), axis=0), len(knots)
    ridge = np.eye(count + 2)
    ridge[:count, :count] = ties.T @ ties
    found, spread = _solve(basis, variances, weights, ridge)
    seen = np.quantile(means, [0, 1], axis=0)
    held = np.clip(LEVELS[:, None], *seen)
    at = hats(held[:, channel], knots)
    curve = at @ found[:count]
    # 2.5 and not 1.96: of few colours the scatter is not well known either.
    doubt = _OF_FORM + 2.5 * np.sqrt(np.einsum("lk,km,lm->l", at, spread[:count, :count], at))
    doubt += np.abs(LEVELS - held[:, channel]) / 64 * np.log(4)  # of the variance
    logs = np.zeros((3, len(LEVELS)))
    logs[channel] = curve - found[count:].sum() * held[:, channel] / _UNIT
    logs[others] = found[count:, None] * held[:, others].T / _UNIT
    middle = logs[others].mean(axis=1, keepdims=True)  # keep all near one in size
    logs[others] -= middle
    logs[channel] += middle.sum()
    fitted = basis @ found
    grey = logs.sum(axis=0)
    sigma, low, high = np.exp(np.array([grey, grey - doubt, grey + doubt]) / 2)
    limits = np.exp(np.array([fitted.min(), fitted.max()]) / 2)
    own = float(seen[0, channel]), float(seen[1, channel])
    return Strength(
        np.clip(sigma, *limits),
        low,
        high,
        np.exp(logs / 2),
        float(limits[0]),
        float(limits[1]),
        own,
        tuple(knots.tolist()),
    )


def count_of(colours: ColourTable) -> _Floats:
    """Return what each colour counts."""
    return colours.cells / (1 + colours.cells / _ENOUGH)


def _solve(
    basis: _Floats, variances: _Floats, weights: _Floats, ridge: _Floats
) -> tuple[_Floats, _Floats]:
    """Return the coefficients of the logarithm of the mean variance, and their covariance.

    A gamma regression: it fits the mean, where least squares of logarithms would fit less.
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
    return found, inverse @ (scores.T @ scores) @ inverse


def place_knots(levels: _Floats, counts: _Floats) -> _Floats:
    """Return 1 to 5 levels, evenly from the lowest to the highest, those with cells around them."""
    count = min(_MOST_KNOTS, len(levels))
    low, high = levels.min(), levels.max()
    if count < 2 or high - low < _LEAST_RANGE:
        return np.array([np.average(levels, weights=counts)])
    even = np.linspace(low, high, count)
    reach = (high - low) / (count - 1) / 2
    around = (np.abs(levels[:, None] - even) <= reach).T @ counts
    around[[0, -1]] = _LEAST_AROUND
    knots: _Floats = even[around >= _LEAST_AROUND]
    return knots


def hats(levels: _Floats, knots: _Floats) -> _Floats:
    """Return the basis of what is straight between knots and constant beyond them."""
    return np.stack([np.interp(levels, knots, one) for one in np.eye(len(knots))], axis=-1)
