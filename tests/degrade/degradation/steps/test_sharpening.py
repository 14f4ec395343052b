from __future__ import annotations

import hashlib

import numpy as np
import pytest
from scipy import ndimage

from degrade.degradation import PoolIndex
from degrade.degradation.index import Measured
from degrade.degradation.recipe import Entry, read_recipe
from degrade.degradation.steps import Sharpening, SharpeningSettings, StepInputs, read_step
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.rng import rng_for
from tests.making import PoolInHand, make_scene

GIVEN = StepInputs(PoolInHand())
LEVELS = make_scene("sharpening", 90, 131) * np.float32(255)


@pytest.mark.parametrize(("amount", "radius"), [(0.5, 1.0), (1.5, 0.6), (2.0, 4.0)])
def test_apply_is_an_unsharp_mask(amount: float, radius: float) -> None:
    found = Sharpening(amount, radius).apply(LEVELS, GIVEN)
    exact = LEVELS.astype(np.float64)
    blurred = ndimage.gaussian_filter(exact, (radius, radius, 0), truncate=3.5, mode="reflect")
    assert found.dtype == np.float32 and found.shape == LEVELS.shape
    # Taps are off by 2⁻¹⁶ of the contrast at most each, levels by half a 64th.
    assert np.abs(found - exact - amount * (exact - blurred)).max() < 0.05 * amount


def test_apply_leaves_flat_levels_and_the_mean() -> None:
    flat = np.full((9, 5, 3), 77.25, np.float32)
    assert np.array_equal(Sharpening(3.0, 2.0).apply(flat, GIVEN), flat)
    found = Sharpening(1.0, 1.0).apply(LEVELS, GIVEN)
    assert found.mean(dtype=np.float64) == pytest.approx(LEVELS.mean(dtype=np.float64), abs=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 3)])
def test_apply_takes_any_size(shape: tuple[int, int]) -> None:
    levels = np.random.default_rng(0).uniform(-40, 300, (*shape, 3)).astype(np.float32)
    kept = levels.copy()
    assert np.isfinite(Sharpening(6.0, 8.0).apply(levels, GIVEN)).all()
    assert np.array_equal(levels, kept)


def test_apply_gives_the_same_bits_on_every_machine() -> None:
    levels = rng_for(0, "sharpening").integers(0, 2**14, (40, 50, 3)).astype(np.float32) / 64
    found = Sharpening(0.7, 1.3).apply(levels, GIVEN)
    digest = hashlib.sha256(found.astype("<f4").tobytes()).hexdigest()
    assert digest[:16] == "96288da08e56b753"


def test_draw_is_between_what_is_set() -> None:
    rng = rng_for(0, "draw")
    settings = SharpeningSettings(amount=(0.2, 0.4), radius=(1.0, 1.0))
    drawn = [settings.draw(PoolIndex((), ()), (8, 8), rng) for _ in range(50)]
    amounts = [step.amount for step in drawn]
    assert 0.2 <= min(amounts) < 0.25 and 0.35 < max(amounts) <= 0.4
    assert {step.radius for step in drawn} == {1.0}


def test_draw_measured_takes_photos_that_were_sharpened() -> None:
    values = [
        {"sharpened": True, "amount": 0.8, "radius": 1.2},
        {"sharpened": False, "amount": 0.1, "radius": 3.0},
        {},
    ]
    index = PoolIndex((), (), {"sharpening": tuple(Measured("0" * 64, v) for v in values)})
    settings = SharpeningSettings(measured=True)
    assert settings.draw(index, (8, 8), rng_for(0, "draw")) == Sharpening(0.8, 1.2)
    with pytest.raises(InvalidValueError, match="no photo of the pool was found to be sharpened"):
        settings.draw(PoolIndex((), ()), (8, 8), rng_for(0, "draw"))


@pytest.mark.parametrize(
    "data", [{"amount": -1, "radius": 1}, {"amount": 1, "radius": 0}, {"amount": 1}]
)
def test_read_step_refuses_what_cannot_be(data: dict[str, object]) -> None:
    with pytest.raises(CorruptDataError):
        read_step({"kind": "sharpening", **data})


def test_recipes_have_it_behind_the_noise_and_before_jpeg() -> None:
    steps = [{"kind": "blur"}, {"kind": "residual"}, {"kind": "jpeg"}]
    recipe = read_recipe({"name": "mine", "steps": steps}).having(Entry("sharpening"))
    assert [entry.kind for entry in recipe.entries] == ["blur", "residual", "sharpening", "jpeg"]
    again = read_recipe(recipe.to_json())
    assert again == recipe and "always sharpening: a = 0.3…1, radius 0.7…1.5 px" in again.lines()
