from __future__ import annotations

import numpy as np
import pytest

from degrade.noise.mixing import GREYS, fit_correlations, turned
from degrade.noise.statistics import ColourTable


def _table(correlation_at: dict[int, float]) -> ColourTable:
    greys = np.array(list(correlation_at), np.float64)
    means = np.repeat(greys[:, None], 3, axis=1)
    variances = np.repeat([[4.0, 1.0, 9.0]], len(greys), axis=0)
    sizes = np.array([2.0, 6.0, 3.0])  # of the pairs
    covariances = np.array(list(correlation_at.values()))[:, None] * sizes
    return ColourTable(means, variances, covariances, np.full(len(greys), 200.0))


def test_correlations_follow_the_level_and_are_held_beyond() -> None:
    found, usual = fit_correlations(_table({40: 0.8, 80: 0.6, 120: 0.4, 160: 0.2, 200: 0.0}))
    at = dict(zip(GREYS.tolist(), found[:, 1], strict=True))
    assert at[0] == pytest.approx(0.8, abs=0.08) and at[256] == pytest.approx(0, abs=0.08)
    assert at[128] == pytest.approx(0.36, abs=0.06)
    assert usual == pytest.approx([0.4] * 3)


def test_turned_noise_has_the_other_correlations_and_keeps_its_variances() -> None:
    usual, wanted = np.array([0.7, 0.5, 0.6]), np.array([[0.2, 0.1, 0.3], [0.9, 0.8, 0.85]])
    before = np.array([[1, 0.7, 0.5], [0.7, 1, 0.6], [0.5, 0.6, 1]])
    for matrix, (a, b, c) in zip(turned(wanted, usual), wanted, strict=True):
        after = matrix @ before @ matrix.T
        assert after == pytest.approx(np.array([[1, a, b], [a, 1, c], [b, c, 1]]), abs=1e-6)


def test_channels_that_are_one_can_be_turned() -> None:
    ones = np.ones(3)
    assert np.isfinite(turned(np.stack([ones, 0 * ones]), ones)).all()
