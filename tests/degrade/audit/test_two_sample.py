"""The classifier's AUC: high for what differs, and honest for what does not."""

from __future__ import annotations

import numpy as np
import pytest

from degrade.audit.two_sample import (
    TwoSampleResult,
    area_under_curve,
    compare_two_samples,
    null_half_width,
    photos_needed,
)
from degrade.errors import InvalidValueError
from degrade.rng import rng_for


def test_sets_that_differ_are_told_apart(rng: np.random.Generator) -> None:
    first = rng.normal(0, 1, (60, 12))
    found = compare_two_samples(first, rng.normal(1, 1, (60, 12)), rng_for(0))
    assert found.told_apart and found.auc > 0.9 and found.p_value == 0.01
    assert found.interval[0] <= found.auc <= found.interval[1]


def test_sets_that_differ_in_spread_alone_are_told_apart(rng: np.random.Generator) -> None:
    found = compare_two_samples(rng.normal(0, 1, (80, 4)), rng.normal(0, 3, (80, 4)), rng_for(0))
    assert found.told_apart and found.auc > 0.75


def test_halves_of_one_set_are_told_apart_as_rarely_as_stated() -> None:
    rng, told = rng_for(0, "halves"), 0
    for _ in range(60):
        table = rng.standard_t(3, (40, 4)) @ rng.normal(0, 1, (4, 4))
        found = compare_two_samples(table[:20], table[20:], rng, resamples=100, relabellings=19)
        told += found.told_apart
    # One in twenty: 3 of 60, and more than 8 one time in a thousand.
    assert told <= 8


def test_twins_are_not_told_apart_below_chance(rng: np.random.Generator) -> None:
    """With an LR and its twin in two folds, what one shows would be held against the other."""
    content = rng.normal(0, 5, (40, 10))
    noise = rng.normal(0, 0.1, (2, 40, 10))
    found = compare_two_samples(content + noise[0], content + noise[1], rng_for(0))
    assert found.auc > 0.5 - found.half_width


def test_the_same_rng_gives_the_same_result(rng: np.random.Generator) -> None:
    tables = rng.normal(0, 1, (2, 20, 5))
    assert compare_two_samples(*tables, rng_for(3)) == compare_two_samples(*tables, rng_for(3))


def test_unknown_figures_do_not_count(rng: np.random.Generator) -> None:
    first, second = rng.normal(0, 1, (2, 40, 3))
    second[:, 0] += 3
    first[::3, 1] = second[::2, 2] = np.nan
    first[:, 2] = np.nan
    assert compare_two_samples(first, second, rng_for(0)).told_apart


@pytest.mark.parametrize("shape", [(9, 3), (0, 3)])
def test_too_few_photos_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(InvalidValueError, match="at least 10"):
        compare_two_samples(np.zeros(shape), np.zeros(shape), rng_for(0))


def test_area_under_curve_counts_pairs_in_order() -> None:
    assert area_under_curve(np.array([0.0, 1]), np.array([2.0, 3])) == 1
    assert area_under_curve(np.array([0.0, 2]), np.array([1.0, 2])) == (1 + 1 + 0 + 0.5) / 4


def test_photos_needed_is_where_chance_gets_small() -> None:
    assert null_half_width(19, 19) == pytest.approx(0.187, abs=0.002)
    assert 250 < photos_needed(0.05) < 270
    assert null_half_width(photos_needed(0.1), photos_needed(0.1)) <= 0.1


def test_an_area_below_a_half_is_said_to_be_a_guess() -> None:
    def words(auc: float) -> str:
        return TwoSampleResult(17, auc, (auc - 0.1, auc + 0.1), 0.9, 0.2).area_words

    assert words(0.18) == "AUC 0.18 [0.08, 0.28] (below 0.5: a guess)"
    assert words(0.498) == "AUC 0.50 [0.40, 0.60]"
    assert words(0.7) == "AUC 0.70 [0.60, 0.80]"
