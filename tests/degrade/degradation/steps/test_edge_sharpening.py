from __future__ import annotations

import hashlib

import numpy as np
import pytest
from scipy import ndimage

from degrade.audit.edges import measure_edges
from degrade.degradation import PoolIndex
from degrade.degradation.recipe import Entry, read_recipe
from degrade.degradation.steps import (
    EdgeSharpening,
    EdgeSharpeningSettings,
    StepInputs,
    read_step,
)
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.luma import luma
from degrade.rng import rng_for
from tests.making import PoolInHand, make_scene

GIVEN = StepInputs(PoolInHand())
LEVELS = make_scene("edge sharpening", 90, 131) * np.float32(255)


@pytest.mark.parametrize(
    ("amount", "contrast", "radius"), [(0.3, 15, 2.4), (1.5, 4, 0.6), (4.0, 60, 4.0)]
)
def test_apply_is_its_formula(amount: float, contrast: float, radius: float) -> None:
    found = EdgeSharpening(amount, contrast, radius).apply(LEVELS, GIVEN)
    exact = LEVELS.astype(np.float64)
    grey = exact @ np.array([0.299, 0.587, 0.114])

    def averaged(values: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(values, radius, truncate=3.5, mode="reflect")

    whole = np.rint(grey)
    variance = np.maximum(averaged(whole * whole) - np.square(averaged(whole)), 0)
    added = amount * (grey - averaged(grey)) * variance / (variance + contrast**2)
    assert found.dtype == np.float32 and found.shape == LEVELS.shape
    # Taps are off by 2⁻¹⁶ each: of a mean of levels by some hundredths, of a variance by its share.
    assert np.abs(found - exact - added[..., None]).max() < 0.1 * amount


def test_apply_lets_edges_overshoot_and_leaves_noise() -> None:
    step = EdgeSharpening(0.4, 15.0, 2.4)
    edge = np.full((64, 64, 3), 60, np.float32)
    edge[:, 32:] = 180
    edge = ndimage.gaussian_filter(edge, (1.2, 1.2, 0))
    before, after = (
        measure_edges(luma(each).astype(np.float32)) for each in (edge, step.apply(edge, GIVEN))
    )
    assert after[1] > before[1] + 0.02 and after[0] < before[0]
    noisy = 100 + rng_for(0, "noise").normal(0, 2, (64, 64, 3)).astype(np.float32)
    grown = step.apply(noisy, GIVEN).std() / noisy.std()
    assert 1 <= grown < 1.01
    flat = np.full((9, 5, 3), 77.25, np.float32)
    assert np.array_equal(step.apply(flat, GIVEN), flat)


def test_apply_leaves_colours() -> None:
    found = EdgeSharpening(1.0, 10.0, 2.0).apply(LEVELS, GIVEN)
    added = found - LEVELS
    assert np.abs(added - added[..., :1]).max() < 1e-4 and np.abs(added).max() > 5


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 3)])
def test_apply_takes_any_size(shape: tuple[int, int]) -> None:
    levels = np.random.default_rng(0).uniform(-40, 300, (*shape, 3)).astype(np.float32)
    kept = levels.copy()
    assert np.isfinite(EdgeSharpening(4.0, 1.0, 8.0).apply(levels, GIVEN)).all()
    assert np.array_equal(levels, kept)


def test_apply_gives_the_same_bits_on_every_machine() -> None:
    levels = rng_for(0, "edges").integers(0, 2**14, (40, 50, 3)).astype(np.float32) / 64
    found = EdgeSharpening(0.7, 13.0, 1.3).apply(levels, GIVEN)
    digest = hashlib.sha256(found.astype("<f4").tobytes()).hexdigest()
    assert digest[:16] == "62539a41a9193828"


def test_apply_refuses_what_has_no_levels() -> None:
    for levels in (LEVELS[..., :1], np.empty((0, 0, 3), np.float32)):
        with pytest.raises(InvalidValueError):
            EdgeSharpening(0.3, 15.0, 2.4).apply(levels, GIVEN)


def test_settings_are_what_is_drawn() -> None:
    settings = EdgeSharpeningSettings(0.2, 20.0, 3.0)
    drawn = settings.draw(PoolIndex((), ()), (8, 8), rng_for(0, "draw"))
    assert drawn == EdgeSharpening(0.2, 20.0, 3.0) == read_step(drawn.to_json())
    assert "0.2 where grey deviates by more than 20 levels within 3 px" in settings.words()
    assert drawn.words() == f"edges sharpened by {settings.words()}"
    for wrong in ({"amount": -1}, {"amount": 5}, {"contrast": 0}, {"radius": 0.1}, {"radius": 9}):
        with pytest.raises(InvalidValueError, match=next(iter(wrong))):
            EdgeSharpeningSettings(**wrong)


@pytest.mark.parametrize(
    "data",
    [
        {"amount": -1, "contrast": 15, "radius": 2},
        {"amount": 1, "contrast": 0, "radius": 2},
        {"amount": 1, "contrast": 15, "radius": 20},
        {"amount": 1, "contrast": 15},
    ],
)
def test_read_step_refuses_what_cannot_be(data: dict[str, object]) -> None:
    with pytest.raises(CorruptDataError):
        read_step({"kind": "edge-sharpening", **data})


def test_recipes_have_it_behind_colours_and_before_noise() -> None:
    steps = [{"kind": "blur"}, {"kind": "colour-response"}, {"kind": "noise-model", "times": 0.5}]
    recipe = read_recipe({"name": "mine", "steps": steps}).having(Entry("edge-sharpening"))
    kinds = [entry.kind for entry in recipe.entries]
    assert kinds == ["blur", "colour-response", "edge-sharpening", "noise-model"]
    assert read_recipe(recipe.to_json()) == recipe
