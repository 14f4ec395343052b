from __future__ import annotations

import hashlib

import numpy as np
import pytest
from scipy import ndimage

from degrade.degradation.even_filters import MOST_REACH, UNCHANGED, response_along_axes
from degrade.degradation.fixed_point import TAP_UNIT, even_places
from degrade.degradation.recipe import Entry, read_recipe
from degrade.degradation.steps import ColourResponse, StepInputs, read_step
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.luma import luma
from degrade.rng import rng_for
from tests.making import PoolInHand, make_scene

GIVEN = StepInputs(PoolInHand())
LEVELS = make_scene("colours", 90, 131) * np.float32(255)
SOFT = (TAP_UNIT // 4, TAP_UNIT // 8, TAP_UNIT // 16)
"""The filter 1 2 1 along rows and columns."""


def test_apply_filters_what_differs_from_grey() -> None:
    found = ColourResponse(SOFT).apply(LEVELS, GIVEN)
    assert found.dtype == np.float32 and found.shape == LEVELS.shape
    exact = LEVELS.astype(np.float64)
    grey = exact @ (np.array([77, 150, 29]) / 256)
    wanted = exact - grey[..., None]
    for axis in (0, 1):
        wanted = ndimage.correlate1d(wanted, (0.25, 0.5, 0.25), axis=axis, mode="reflect")
    # Differences are filtered in whole 256ths, the rest is float32's rounding.
    assert np.abs(found - (wanted + grey[..., None])).max() < 1 / 256
    assert np.abs(luma(found) - luma(LEVELS)).max() < 0.3


def test_apply_leaves_grey_images_and_what_the_filter_leaves() -> None:
    grey = np.repeat(LEVELS[..., :1], 3, axis=2)
    assert np.abs(ColourResponse(SOFT).apply(grey, GIVEN) - grey).max() < 1 / 256
    assert np.abs(ColourResponse(UNCHANGED).apply(LEVELS, GIVEN) - LEVELS).max() < 1 / 256


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 3)])
@pytest.mark.parametrize("reach", range(MOST_REACH + 1))
def test_apply_takes_any_size(shape: tuple[int, int], reach: int) -> None:
    taps = [0] * len(even_places(reach))
    taps[0] = TAP_UNIT
    levels = np.random.default_rng(0).uniform(-40, 300, (*shape, 3)).astype(np.float32)
    kept = levels.copy()
    found = ColourResponse(tuple(taps)).apply(levels, GIVEN)
    assert np.abs(found - levels).max() < 1 / 256 and np.array_equal(levels, kept)


def test_apply_gives_the_same_bits_on_every_machine() -> None:
    rng = rng_for(0, "colours")
    levels = rng.integers(0, 2**14, (40, 50, 3)).astype(np.float32) / np.float32(64)
    taps = [int(tap) for tap in rng.integers(-2000, 2000, len(even_places(5)))]
    square = [1, *[4 if right in (0, down) else 8 for down, right in even_places(5)][1:]]
    taps[0] += TAP_UNIT - sum(tap * count for tap, count in zip(taps, square, strict=True))
    found = ColourResponse(tuple(taps)).apply(levels, GIVEN)
    digest = hashlib.sha256(found.astype("<f4").tobytes()).hexdigest()
    assert digest[:16] == "4520c18051fea481"


def test_apply_refuses_what_has_no_colours() -> None:
    for levels in (LEVELS[..., :1], np.empty((0, 0, 3), np.float32)):
        with pytest.raises(InvalidValueError):
            ColourResponse(SOFT).apply(levels, GIVEN)


def test_response_is_that_of_the_filter() -> None:
    cycles = np.array([0, 0.25, 0.5])
    assert np.allclose(response_along_axes(SOFT, cycles), np.square(np.cos(np.pi * cycles)))
    assert "×0.50 at 0.25, ×0.00 at 0.5" in ColourResponse(SOFT).words()


@pytest.mark.parametrize(
    "taps", [[], [1], [TAP_UNIT, 1, 0], [TAP_UNIT, 0], [0.5], ["a"], [TAP_UNIT] * 200, [2**40]]
)
def test_read_step_refuses_what_cannot_be(taps: list[object]) -> None:
    with pytest.raises(CorruptDataError):
        read_step({"kind": "colour-response", "taps": taps})


def test_recipes_have_it_behind_the_blur_and_before_noise() -> None:
    steps = [{"kind": "blur"}, {"kind": "residual"}, {"kind": "jpeg"}]
    recipe = read_recipe({"name": "mine", "steps": steps}).having(Entry("colour-response"))
    kinds = [entry.kind for entry in recipe.entries]
    assert kinds == ["blur", "colour-response", "residual", "jpeg"]
    assert read_recipe(recipe.to_json()) == recipe
