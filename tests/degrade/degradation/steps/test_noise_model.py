from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest

from degrade.degradation import RECIPES, PoolIndex
from degrade.degradation.index import Measured
from degrade.degradation.recipes import with_noise_from
from degrade.degradation.steps import ModelledNoise, ModelledNoiseSettings, StepInputs, read_step
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.noise.model import make_noise
from degrade.noise.statistics import measure_noise
from degrade.rng import rng_for
from tests.degrade.noise.planted import noisy_photo
from tests.making import PoolInHand

NOTHING = StepInputs(PoolInHand())


@pytest.fixture(scope="module")
def index() -> PoolIndex:
    """Return an index of three photos of a quiet camera, one of a loud one, one that is silent."""
    times = {"q1": 1, "q2": 1, "q3": 1, "l1": 5}
    found = [
        Measured(name, msgspec.to_builtins(measure_noise(noisy_photo(name, times=more))))
        for name, more in times.items()
    ]
    return PoolIndex((), (), {"noise-model": (*found, Measured("no", {"cannot_tell": "small"}))})


def test_draw_gives_each_photo_the_same_share(index: PoolIndex) -> None:
    drawn = [ModelledNoise.draw(index, (8, 8), rng_for(0, i)) for i in range(400)]
    counts = Counter(step.model.strength[1].own for step in drawn)
    assert sorted(counts.values()) == pytest.approx([100, 300], abs=35)
    assert len({step.seed for step in drawn}) == 400


def test_plan_holds_all_of_the_model(index: PoolIndex) -> None:
    step = ModelledNoise.draw(index, (8, 8), rng_for(0))
    data = step.to_json()
    assert data["kind"] == "noise-model" and read_step(data) == step
    assert "noise of a camera's model added, green σ" in step.words()
    data["model"]["grain"] |= {"taps": [[1000] * 25] * 6}
    with pytest.raises(CorruptDataError, match="noise-model"):
        read_step(data)


def test_apply_adds_the_noise_of_its_seed(index: PoolIndex) -> None:
    step = ModelledNoise.draw(index, (8, 8), rng_for(0))
    levels = rng_for(1).uniform(-3, 258, (40, 30, 3)).astype(np.float32)
    before = levels.copy()
    noisy = step.apply(levels, NOTHING)
    assert noisy.dtype == np.float32 and np.array_equal(levels, before)
    assert np.array_equal(noisy, make_noise(step.model, levels, step.seed) + levels)
    assert np.array_equal(noisy, step.apply(levels, NOTHING))
    with pytest.raises(InvalidValueError, match="three channels"):
        step.apply(levels[..., :1], NOTHING)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 50, 3), (3, 2, 3), (700, 5, 3)])
def test_apply_makes_noise_of_any_size(index: PoolIndex, shape: tuple[int, int, int]) -> None:
    step = ModelledNoise.draw(index, shape[:2], rng_for(0))
    noisy = step.apply(np.full(shape, 100, np.float32), NOTHING)
    assert noisy.shape == shape and (noisy != 100).mean() > 0.9


def test_draw_says_what_the_pool_lacks() -> None:
    for index in (
        PoolIndex(()),
        PoolIndex((), (), {"noise-model": (Measured("a", {"cannot_tell": "x"}),)}),
    ):
        with pytest.raises(InvalidValueError, match="no photo's noise as a model"):
            ModelledNoise.draw(index, (8, 8), rng_for(0))


def test_draw_spreads_the_strength_within_its_interval(index: PoolIndex) -> None:
    spread = ModelledNoiseSettings(spread=True)
    drawn = [spread.draw(index, (8, 8), rng_for(0, "spread", i)) for i in range(200)]
    times = np.array([step.times for step in drawn])
    groups = index.noise_groups
    limits = np.array([groups.fitted(group).interval for group in range(len(groups.members))])
    assert limits[:, 0].min() - 1e-4 <= times.min() < 1 < times.max() <= limits[:, 1].max() + 1e-4
    assert len(set(times)) > 100 and read_step(drawn[0].to_json()) == drawn[0]
    step = drawn[0]
    levels = np.full((40, 30, 3), 100, np.float32)
    plain = ModelledNoise(step.model, step.seed).apply(levels, NOTHING) - levels
    assert np.allclose(step.apply(levels, NOTHING) - levels, step.times * plain, atol=1e-4)
    assert f"times {step.times:.2f}" in step.words()
    assert "times" not in ModelledNoise(step.model, step.seed).to_json()


def test_noise_from_models_is_spread_where_the_recipe_says_so() -> None:
    for recipe, spread in ((RECIPES["measured"], False), (RECIPES["measured+spread"], True)):
        found = [e for e in with_noise_from(recipe, "model").possible if e.kind == "noise-model"]
        assert [entry.settings for entry in found] == [ModelledNoiseSettings(spread, of="camera")]


def test_draw_takes_a_share_of_the_noise(index: PoolIndex) -> None:
    half = ModelledNoiseSettings(times=0.5)
    step = half.draw(index, (8, 8), rng_for(0))
    whole = ModelledNoiseSettings().draw(index, (8, 8), rng_for(0))
    assert (step.model, step.seed) == (whole.model, whole.seed) and step.times == 0.5
    assert half.words().endswith("each photo as likely, times 0.5")
    both = ModelledNoiseSettings(spread=True, times=0.5).draw(index, (8, 8), rng_for(0))
    spread = ModelledNoiseSettings(spread=True).draw(index, (8, 8), rng_for(0))
    assert both.times is not None and spread.times is not None
    assert both.times == pytest.approx(max(0.5 * spread.times, 0.25))
    for times in (0.2, 4.1):
        with pytest.raises(InvalidValueError, match=r"times must be 0\.25 to 4"):
            ModelledNoiseSettings(times=times)
