from __future__ import annotations

import hashlib

import numpy as np
import pytest
from scipy import ndimage

from degrade.degradation import MEASURED, read_recipe
from degrade.degradation.recipe import Entry
from degrade.degradation.steps import LinearLight, LinearLightSettings, StepInputs, read_step
from degrade.degradation.steps.linear_light import AUTO_GAIN, MOST_GAIN, WEIGHTS
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.rng import rng_for
from tests.making import PoolInHand, make_scene

GIVEN = StepInputs(PoolInHand())
LEVELS = make_scene("light", 90, 131) * np.float32(255)


def test_apply_adds_the_local_variance_of_each_channel_less_its_mean() -> None:
    found = LinearLight(0.5).apply(LEVELS, GIVEN)
    assert found.dtype == np.float32 and found.shape == LEVELS.shape
    exact = LEVELS.astype(np.float64)
    mean, square = exact, exact * exact
    for axis in (0, 1):
        weights = np.array(WEIGHTS) / sum(WEIGHTS)
        mean = ndimage.correlate1d(mean, weights, axis=axis, mode="reflect")
        square = ndimage.correlate1d(square, weights, axis=axis, mode="reflect")
    variance = square - mean**2
    wanted = exact + 0.5 * (variance - variance.mean(axis=(0, 1))) / 100
    assert np.abs(found - wanted).max() < 0.15  # it is that of whole levels
    assert (found - LEVELS).max() > 1
    assert np.abs((found - LEVELS).mean(axis=(0, 1), dtype=np.float64)).max() < 1e-4


def test_apply_is_what_blur_of_light_leaves() -> None:
    """Levels 2.2th roots of light, light blurred: nearer than the blur of levels by most of it."""
    levels = np.full((40, 80, 3), 120.0, np.float32)
    levels[:, 40:] = 180
    weights = np.array(WEIGHTS) / sum(WEIGHTS)
    light = (levels.astype(np.float64) / 255) ** 2.2
    blurred = levels.astype(np.float64)
    for axis in (0, 1):
        light = ndimage.correlate1d(light, weights, axis=axis)
        blurred = ndimage.correlate1d(blurred, weights, axis=axis)
    true = 255 * light ** (1 / 2.2)
    added = LinearLight(AUTO_GAIN).apply(levels, GIVEN) - levels
    added -= added[:, 0].mean()  # flat there, and darker for what the edge has more
    assert np.abs(true - blurred).max() > 3
    assert np.abs(true - (blurred + added)).max() < 0.2 * np.abs(true - blurred).max()


def test_apply_leaves_what_is_flat() -> None:
    flat = np.full((9, 7, 3), 77.125, np.float32)
    assert np.array_equal(LinearLight(AUTO_GAIN).apply(flat, GIVEN), flat)
    assert np.array_equal(LinearLight(0.0).apply(LEVELS, GIVEN), LEVELS)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (2, 3)])
def test_apply_takes_any_size(shape: tuple[int, int]) -> None:
    levels = np.random.default_rng(0).uniform(-40, 300, (*shape, 3)).astype(np.float32)
    kept = levels.copy()
    found = LinearLight(AUTO_GAIN).apply(levels, GIVEN)
    assert found.shape == levels.shape
    assert np.abs((found - levels).mean(axis=(0, 1), dtype=np.float64)).max() < 1e-3
    assert np.array_equal(levels, kept)


def test_apply_gives_the_same_bits_on_every_machine() -> None:
    rng = rng_for(0, "light")
    levels = rng.integers(-(2**9), 2**14, (40, 50, 3)).astype(np.float32) / np.float32(64)
    found = LinearLight(AUTO_GAIN).apply(levels, GIVEN)
    digest = hashlib.sha256(found.astype("<f4").tobytes()).hexdigest()
    assert digest[:16] == "a1ce0bfe7cfa2509"


def test_apply_refuses_what_is_no_lr_yet_and_other_channels() -> None:
    with pytest.raises(InvalidValueError, match="needs LR"):
        LinearLight(AUTO_GAIN).apply(np.empty((0, 0, 3), np.float32), GIVEN)
    with pytest.raises(InvalidValueError, match="three channels"):
        LinearLight(AUTO_GAIN).apply(LEVELS[..., :1], GIVEN)


@pytest.mark.parametrize("gain", [-0.1, MOST_GAIN + 1, "a", float("nan"), None])
def test_read_step_refuses_what_cannot_be(gain: object) -> None:
    with pytest.raises(CorruptDataError):
        read_step({"kind": "linear-light", "gain": gain})


@pytest.mark.parametrize("gain", [-0.1, MOST_GAIN + 1, float("nan")])
def test_settings_refuse_what_cannot_be(gain: float) -> None:
    with pytest.raises(InvalidValueError, match="0 to 4"):
        LinearLightSettings(gain)


def test_the_recipe_measured_has_it_right_behind_the_blur() -> None:
    kinds = [entry.kind for entry in MEASURED.entries]
    assert kinds[:3] == ["blur", "linear-light", "response"]
    steps = [{"kind": "blur"}, {"kind": "residual"}]
    recipe = read_recipe({"name": "mine", "steps": steps}).having(Entry("linear-light"))
    assert [entry.kind for entry in recipe.entries] == ["blur", "linear-light", "residual"]
    assert read_recipe(recipe.to_json()) == recipe


@pytest.mark.parametrize("shape", [(1, 1), (1, 15), (3, 16), (5, 17), (31, 40), (90, 131)])
@pytest.mark.parametrize("gain", [0.0, 0.37, AUTO_GAIN, MOST_GAIN])
def test_apply_gives_the_same_bits_without_compiled_code(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int], gain: float
) -> None:
    levels = rng_for(0, "light", *shape).normal(120, 70, (*shape, 3)).astype(np.float32)
    found = LinearLight(gain).apply(levels, GIVEN)
    monkeypatch.setattr("degrade.degradation.steps.linear_light.is_compiled", lambda: False)
    plain = LinearLight(gain).apply(levels, GIVEN)
    np.testing.assert_array_equal(found.view(np.uint32), plain.view(np.uint32))
