from __future__ import annotations

import msgspec
import numpy as np
import pytest

from degrade.arrays import FloatArray
from degrade.degradation import NoiseChoice, PoolIndex
from degrade.degradation.index import Measured
from degrade.degradation.steps import ScaledResidual, StepInputs, read_step
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.noise.statistics import measure_noise
from degrade.rng import rng_for
from tests.degrade.noise.planted import grain_of, noisy_photo, variance_of
from tests.making import PoolInHand

LEVELS = {"dim": 50, "lit": 126}


@pytest.fixture(scope="module")
def index() -> PoolIndex:
    photo = Measured("p", msgspec.to_builtins(measure_noise(noisy_photo("p", width=512))))
    choices = [NoiseChoice(name, 64, "p", (level,) * 3) for name, level in LEVELS.items()]
    return PoolIndex((), (*choices, NoiseChoice("x", 64, "other")), {"noise-model": (photo,)})


@pytest.fixture(scope="module")
def given() -> StepInputs:
    residuals: dict[str, FloatArray] = {}
    for name, level in LEVELS.items():
        noise = grain_of(rng_for(0, name), 64, 64) * np.sqrt(variance_of(level)) / 255
        residuals[name] = noise.astype(np.float32)
    return StepInputs(PoolInHand({}, residuals))


def test_noise_is_as_strong_as_the_camera_has_it_there(index: PoolIndex, given: StepInputs) -> None:
    for shape in ((60, 60), (200, 180)):
        levels = np.full((*shape, 3), 50, np.float32)
        levels[:, shape[1] // 2 :] = 126
        drawn = [ScaledResidual.draw(index, shape, rng_for(0, i)) for i in range(6)]
        noise = np.stack([step.apply(levels, given) - levels for step in drawn])
        halves = noise[:, :, : shape[1] // 2], noise[:, :, shape[1] // 2 :]
        for half, level in zip(halves, (50, 126), strict=True):
            assert half.var() == pytest.approx(variance_of(level), rel=0.15)


def test_draw_takes_patches_of_photos_with_a_model_alone(index: PoolIndex) -> None:
    drawn = [ScaledResidual.draw(index, (80, 80), rng_for(0, i)) for i in range(40)]
    assert {step.noise_id for step in drawn} == {"dim", "lit"}
    first = next(step for step in drawn if step.noise_id == "dim")
    assert first.quilt is not None and first.quilt.others == ("lit",)
    assert first.colours == ((50, 50, 50), (126, 126, 126))
    assert "scaled by brightness" in first.words()
    assert read_step(first.to_json()) == first


def test_draw_says_what_the_pool_lacks(index: PoolIndex) -> None:
    with pytest.raises(InvalidValueError, match="no noise patch"):
        ScaledResidual.draw(PoolIndex(()), (8, 8), rng_for(0))
    with pytest.raises(InvalidValueError, match="no photo's noise as a model"):
        ScaledResidual.draw(PoolIndex((), index.noise), (8, 8), rng_for(0))


def test_a_plan_has_a_colour_for_each_patch(index: PoolIndex, given: StepInputs) -> None:
    step = ScaledResidual.draw(index, (80, 80), rng_for(0))
    data = step.to_json()
    data["colours"] = data["colours"][:1]
    with pytest.raises(CorruptDataError, match="a colour for each"):
        read_step(data)
    with pytest.raises(InvalidValueError, match="three channels"):
        step.apply(np.zeros((8, 8, 1), np.float32), given)
