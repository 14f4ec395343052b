"""Filters learned from a set of pairs, judged on real ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.downstream.real_pairs import RealPair, plane_of
from benchmarks.downstream.training_sets import Pair
from degrade.audit.filter_bank import FilterBank, sum_pair
from degrade.audit.proof import Table, learn, score_bank


def learn_from(pairs: Sequence[Pair]) -> FilterBank:
    """Fit the filters to pairs."""
    return learn(sum_pair(*map(plane_of, pair)) for pair in pairs)


def judge(bank: FilterBank, real: Sequence[RealPair]) -> Table:
    """Return a row of scores for each real pair."""
    return np.array([score_bank(bank, *pair.planes) for pair in real])
