"""Filters learned on a set of pairs, judged on real ones; and shares of the gap."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.downstream.real_pairs import RealPair, plane_of
from benchmarks.downstream.training_sets import Pair
from degrade.audit.filter_bank import FilterBank, fit_filters, sum_pair
from degrade.audit.scores import score_planes
from degrade.rng import rng_for

Table = npt.NDArray[np.float64]
_RESAMPLES = 2000


def learn(pairs: Sequence[Pair]) -> FilterBank:
    """Fit the filters to pairs."""
    sums = (sum_pair(plane_of(lr), plane_of(hr)) for lr, hr in pairs)
    return fit_filters(functools.reduce(operator.add, sums))


def judge(bank: FilterBank, real: Sequence[RealPair]) -> Table:
    """Return a row of scores for each real pair."""
    rows = []
    for pair in real:
        lr, hr = pair.planes
        enlarged = np.clip(bank.enlarge(lr), 16, 235)
        rows.append(score_planes(enlarged, hr, border=bank.scale).values())
    return np.array(rows)


def share_of_gap(floor: Table, found: Table, ceiling: Table) -> tuple[float, float, float]:
    """Return which share of the way from floor to ceiling is gone, with its interval (95 %).

    Parameters
    ----------
    floor, found, ceiling : (N,) float64 arrays
        A score of the same photos.
    """
    rng, count = rng_for(0, "gap"), len(floor)
    rows = rng.integers(0, count, (_RESAMPLES, count))
    gained, possible = found - floor, ceiling - floor
    shares = gained[rows].mean(axis=1) / possible[rows].mean(axis=1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return float(gained.mean() / possible.mean()), float(low), float(high)
