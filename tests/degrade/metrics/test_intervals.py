from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from degrade.metrics.intervals import mean_of


def test_the_interval_is_students() -> None:
    values = [1.0, 2.5, 2.0, 4.0]
    found = mean_of(values)
    expected = stats.t.interval(0.95, 3, loc=np.mean(values), scale=stats.sem(values))
    assert found.mean == np.mean(values) and found.count == 4
    assert found.interval == pytest.approx(expected)
    assert mean_of([5.0, 5.1, 4.9]).is_sure and not mean_of([5.0, -5.0, 1.0]).is_sure


def test_two_images_have_no_interval() -> None:
    assert mean_of([1.0, 2.0]).interval is None and not mean_of([1.0, 2.0]).is_sure


def test_of_twenty_intervals_nineteen_hold_the_truth(rng: np.random.Generator) -> None:
    found = [mean_of(rng.normal(3, 1, 6)).interval for _ in range(1000)]
    share = np.mean([low <= 3 <= high for low, high in found if low is not None])
    # Three standard errors of a share of 1000.
    assert abs(share - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 1000)
