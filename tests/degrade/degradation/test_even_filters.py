"""Filters are exact, whichever width of floating-point numbers they take."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from degrade.degradation import even_filters
from degrade.degradation.even_filters import filter_evenly, gains_of, square_of
from degrade.degradation.fixed_point import TAP_UNIT
from degrade.degradation.steps import ESTIMATES_LACK
from degrade.rng import rng_for

SHARP = ESTIMATES_LACK


def levels_up_to(most: int, shape: tuple[int, ...] = (33, 20, 3)) -> np.ndarray:
    drawn = rng_for(0, "even", most).integers(-8 * most, 16 * most, shape)
    return drawn.astype(np.float32) / np.float32(16)


@pytest.mark.parametrize("most", [16, 300, 1000, 20_000])
def test_sums_are_exact(most: int) -> None:
    levels = levels_up_to(most)
    whole = (levels.clip(-1023, 1023) * 16).astype(np.int64)
    square = square_of(SHARP).astype(np.int64)
    exact = np.stack(
        [ndimage.correlate(whole[..., c], square, mode="reflect") for c in range(3)], axis=2
    )
    wanted = (exact / (16 * TAP_UNIT)).astype(np.float32)
    assert np.array_equal(filter_evenly(levels, SHARP, 16), wanted)


@pytest.mark.parametrize("fine", [16, 256])
def test_short_numbers_give_what_long_ones_give(fine: int, monkeypatch: pytest.MonkeyPatch) -> None:
    levels = levels_up_to(255) + np.float32(0.013)
    found = filter_evenly(levels, SHARP, fine)
    monkeypatch.setattr(even_filters, "_EXACT_IN_FLOAT32", 0)
    assert np.array_equal(found, filter_evenly(levels, SHARP, fine))


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 5, 3), (9, 1, 1)])
def test_any_size_and_flat_images(shape: tuple[int, ...]) -> None:
    flat = np.full(shape, 117, np.float32)
    assert np.array_equal(filter_evenly(flat, SHARP, 16), flat)


def test_what_is_kept_is_told() -> None:
    assert gains_of(SHARP) == "amplitude ×1.16 at 0.125 c/px, ×1.19 at 0.25, ×1.01 at 0.5"
