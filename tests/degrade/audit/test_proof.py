"""Gains are paired, shares have intervals, and no share is made of nothing."""

from __future__ import annotations

import numpy as np
import pytest

from degrade.audit.proof import prove, share_of_gap
from degrade.audit.scores import SCORE_NAMES
from degrade.errors import InvalidValueError
from degrade.rng import rng_for


def table(rng: np.random.Generator, photos: int = 30) -> np.ndarray:
    return 28 + rng.normal(0, 4, (photos, 1)) + np.zeros(len(SCORE_NAMES))


def test_a_small_gain_is_seen_since_photos_are_paired(rng: np.random.Generator) -> None:
    floor = table(rng)
    found = floor + 0.1 + rng.normal(0, 0.05, floor.shape)
    proof = prove(floor, found, floor + 0.2, rng_for(0))
    assert proof.helps is True and proof.photos == 30
    assert proof.share is not None and proof.share[1] < 0.5 < proof.share[2]
    assert [gain.name for gain in proof.gains] == list(SCORE_NAMES)


def test_harm_and_no_effect_are_told_apart(rng: np.random.Generator) -> None:
    floor = table(rng)
    noise = rng.normal(0, 0.05, floor.shape)
    assert prove(floor, floor - 0.1 + noise, floor + 0.2, rng_for(0)).helps is False
    assert prove(floor, floor + noise - noise.mean(), floor + 0.2, rng_for(0)).helps is None


def test_there_is_no_share_where_the_ceiling_is_no_higher(rng: np.random.Generator) -> None:
    floor = table(rng)
    assert prove(floor, floor + 0.1, floor + 0.01, rng_for(0)).share is None


def test_share_of_gap_is_the_ratio_of_the_means() -> None:
    floor = np.zeros(10)
    found = share_of_gap(floor, np.full(10, 0.3), np.full(10, 0.4), rng_for(0))
    assert found == pytest.approx((0.75, 0.75, 0.75))
    assert share_of_gap(floor, np.full(10, 0.3), floor, rng_for(0)) is None


def test_few_judges_and_other_shapes_are_refused() -> None:
    with pytest.raises(InvalidValueError, match="at least 8"):
        prove(np.zeros((7, 5)), np.zeros((7, 5)), np.zeros((7, 5)), rng_for(0))
    with pytest.raises(InvalidValueError, match="one shape"):
        prove(np.zeros((9, 5)), np.zeros((8, 5)), np.zeros((9, 5)), rng_for(0))
