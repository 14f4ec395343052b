"""Filters learned from a set of pairs, judged on real ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.downstream.real_pairs import RealPair, plane_of
from benchmarks.downstream.training_sets import Pair
from degrade.audit.filter_bank import FilterBank, fit_filters, sum_pair
from degrade.audit.proof import Table, score_bank


def learn_from(pairs: Sequence[Pair]) -> FilterBank:
    """Fit the filters to pairs."""
    first, *others = pairs
    sums = sum_pair(*map(plane_of, first))
    for pair in others:
        sums = sums + sum_pair(*map(plane_of, pair))
    return fit_filters(sums)


def judge(bank: FilterBank, real: Sequence[RealPair]) -> Table:
    """Return a row of scores for each real pair."""
    return np.array([score_bank(bank, *pair.planes) for pair in real])
