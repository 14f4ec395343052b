"""How sure results of a study are: raters and images drawn again, both at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from degrade.opinions.preferences import fit_preferences
from degrade.rng import rng_for

__all__ = ["Drawn", "draw_preferences", "draw_scores"]

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

_AT_ONCE = 50
"""Draws whose tables are held at once."""

_LEAST = 2
_HALF = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A value for each method, and the same of votes drawn again.

    Attributes
    ----------
    values : (K,) float64 array
    draws : (B, K) float64 array
    freedom : int
        Degrees of freedom: the lesser of raters and images, less 1.
    """

    values: _Floats
    draws: _Floats
    freedom: int

    def interval(self, method: int) -> tuple[float, float] | None:
        """Return the interval of 95 % of a method's value; None: too few raters to tell."""
        return self._around(float(self.values[method]), self.draws[:, method])

    def difference(self, first: int, second: int) -> tuple[float, tuple[float, float] | None]:
        """Return by how much the first method's value is larger, and the interval of that."""
        value = float(self.values[first] - self.values[second])
        return value, self._around(value, self.draws[:, first] - self.draws[:, second])

    def _around(self, value: float, draws: _Floats) -> tuple[float, float] | None:
        known = draws[np.isfinite(draws)]
        if self.freedom < 1 or len(known) < _LEAST:
            return None
        wider = float(scipy.stats.t.ppf(0.975, self.freedom) / scipy.stats.norm.ppf(0.975))
        low, high = (float(end) for end in np.quantile(known, (0.025, 0.975)))
        below, above = max(value - low, 0.0), max(high - value, 0.0)
        return value - wider * below, value + wider * above


def draw_scores(
    rater: _Ints,
    image: _Ints,
    method: _Ints,
    score: _Floats,
    bias: _Floats,
    weight: _Floats,
    *,
    methods: int,
    draws: int = 1000,
    seed: int = 0,
) -> Drawn:
    """Return the mean score of each method over images, and how sure that is.

    A draw takes as many raters and as many images, with replacement. Intervals reach from the
    value to the quantiles of the draws, further by as much as Student's distribution is wider than
    the normal one. Raters' biases and weights stay those of the whole; who is drawn decides how
    generous raters are in the mean. Votes' own noise is counted about thrice by drawing both ways
    at once (Owen 2007), so intervals are rather too wide where it is most of what there is.

    Parameters
    ----------
    rater, image, method : (N,) int64 arrays
    score : (N,) float64 array
    bias, weight : (N,) float64 arrays
        Of the vote's rater: by how much scores are too high, and one over their variance.
    methods : int
    draws, seed : int

    References
    ----------
    Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007).
    """
    people, who = np.unique(rater, return_inverse=True)
    scenes, where = np.unique(image, return_inverse=True)
    cell = where * methods + method
    shape = len(people), len(scenes) * methods
    generous = np.zeros(len(people))
    generous[who] = bias
    above, below = np.zeros(shape), np.zeros(shape)
    np.add.at(above, (who, cell), (score - bias) * weight)
    np.add.at(below, (who, cell), weight)

    def means(raters: _Floats, images: _Floats) -> _Floats:
        total = (raters @ below).reshape(-1, len(scenes), methods)
        with np.errstate(invalid="ignore", divide="ignore"):
            each = (raters @ above).reshape(total.shape) / total
            share = np.where(total > 0, images[:, :, None], 0.0)
            found = np.nansum(np.where(share > 0, each, 0.0) * share, axis=1) / share.sum(axis=1)
        level = raters @ generous / raters.sum(axis=1)
        return np.asarray(found + level[:, None], np.float64)

    values = means(np.ones((1, shape[0])), np.ones((1, len(scenes))))[0]
    parts = [means(*weights) for weights in _weights(seed, "scores", shape[0], len(scenes), draws)]
    freedom = min(shape[0], len(scenes) if len(scenes) > 1 else shape[0]) - 1
    return Drawn(values, np.concatenate(parts), freedom)


def draw_preferences(
    rater: _Ints,
    image: _Ints,
    first: _Ints,
    second: _Ints,
    answer: _Ints,
    *,
    methods: int,
    draws: int = 1000,
    seed: int = 0,
) -> Drawn:
    """Return the strength of each method by Davidson's model, and how sure that is.

    Each way and "equal" have half a vote more for each two methods that were compared, in the draws
    a random number of votes of that mean (gamma distributed, as Jeffreys' prior has it). Without it
    votes that all are the same would be sure without end.

    Parameters
    ----------
    rater, image, first, second : (N,) int64 arrays
    answer : (N,) int64 array
        1: the first was preferred; 2: the second; 0: neither.
    methods : int
    draws, seed : int
        As for :func:`draw_scores`.
    """
    people, who = np.unique(rater, return_inverse=True)
    scenes, where = np.unique(image, return_inverse=True)
    winner, loser = np.where(answer == 2, second, first), np.where(answer == 2, first, second)
    low, high = np.minimum(first, second), np.maximum(first, second)
    tied = answer == 0
    place = np.where(tied, (methods + low) * methods + high, winner * methods + loser)
    cells = 2 * methods * methods
    used = np.unique(place)

    compared = np.unique(low * methods + high)
    above, across = np.divmod(compared, methods)
    ways = np.concatenate([compared, across * methods + above, cells // 2 + compared])

    def fitted(raters: _Floats, images: _Floats, more: _Floats) -> _Floats:
        counts = np.zeros((len(raters), cells))
        counts[:, ways] = more
        for each in used:
            at = place == each
            table = np.zeros((len(people), len(scenes)))
            np.add.at(table, (who[at], where[at]), 1.0)
            counts[:, each] += ((raters @ table) * images).sum(axis=1)
        tables = counts.reshape(-1, 2, methods, methods)
        return fit_preferences(tables[:, 0], tables[:, 1]).strength

    halves = np.full((1, len(ways)), _HALF)
    values = fitted(np.ones((1, len(people))), np.ones((1, len(scenes))), halves)[0]
    all_weights = list(_weights(seed, "preferences", len(people), len(scenes), draws))
    raters, images = (np.concatenate(side) for side in zip(*all_weights, strict=True))
    freedom = min(len(people), len(scenes) if len(scenes) > 1 else len(people)) - 1
    more = rng_for(seed, "opinions", "half votes").gamma(_HALF, size=(draws, len(ways)))
    return Drawn(values, fitted(raters, images, more), freedom)


def _weights(
    seed: int, what: str, raters: int, images: int, draws: int
) -> list[tuple[_Floats, _Floats]]:
    """Return how often each rater and each image is drawn; a single one always once."""
    rng = rng_for(seed, "opinions", what)
    parts = []
    for begin in range(0, draws, _AT_ONCE):
        size = min(_AT_ONCE, draws - begin)
        sides = [
            rng.multinomial(n, np.full(n, 1 / n), size).astype(float) for n in (raters, images)
        ]
        parts.append((sides[0], sides[1]))
    return parts
