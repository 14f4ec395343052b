from __future__ import annotations

import hashlib
import itertools
from typing import Any

import numpy as np
import pytest

from degrade.arrays import FloatArray
from degrade.degradation import PoolIndex
from degrade.degradation.fixed_point import spread_taps
from degrade.degradation.steps import (
    AUTO,
    ModelError,
    ModelErrorSettings,
    StepInputs,
    read_step,
)
from degrade.degradation.steps.model_error import (
    _RESIDUAL_REACH,
    _RESIDUAL_TAPS,
    OWN,
    SHARED,
    draw_error,
    local_gradient,
)
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.noise.normals import quantiles
from degrade.rng import rng_for
from tests.making import PoolInHand, make_scene

GIVEN = StepInputs(PoolInHand())


def ramp(steepness: float, height: int = 200, width: int = 200) -> FloatArray:
    """Return grey that rises along the rows by so many levels a pixel."""
    rising = np.arange(width, dtype=np.float32) * np.float32(steepness)
    return np.tile(rising[None, :, None], (height, 1, 3))


def error_of(levels: FloatArray, step: ModelError) -> Any:
    return step.apply(levels, GIVEN).astype(float) - levels


@pytest.mark.parametrize("steepness", [0.0, 1.0, 4.0, 16.0, 39.0, 200.0])
def test_apply_is_as_strong_as_the_gradient_says(steepness: float) -> None:
    error = error_of(ramp(steepness), ModelError(1.5, 0.2, 11))
    wanted = 1.5 + 0.2 * min(steepness, 40)
    assert error.std() == pytest.approx(wanted, rel=0.01)
    assert abs(error.mean()) < 4 * wanted / 200


def test_apply_follows_the_gradient_of_a_scene() -> None:
    levels = make_scene("gradient", 256, 256) * np.float32(255)
    gradient = local_gradient(levels)
    error = np.stack([error_of(levels, ModelError(1.5, 0.2, seed)) for seed in range(4)])
    edges = np.quantile(gradient, np.linspace(0, 1, 9))
    for low, high in itertools.pairwise(edges):
        inside = (gradient >= low) & (gradient < high)
        wanted = np.sqrt(((1.5 + 0.2 * np.minimum(gradient[inside], 40)) ** 2).mean())
        assert error[:, inside].std() == pytest.approx(wanted, rel=0.03)
        assert abs(error[:, inside].mean()) < 0.05


def test_apply_is_white_and_channels_go_together() -> None:
    error = error_of(np.zeros((512, 512, 3), np.float32), ModelError(2.0, 0.0, 5))
    assert error.reshape(-1, 3).std(axis=0) == pytest.approx([2, 2, 2], rel=0.01)
    together = np.corrcoef(error.reshape(-1, 3).T)
    assert together[np.triu_indices(3, 1)] == pytest.approx([0.64] * 3, abs=0.01)
    power = np.abs(np.fft.fft2(error.sum(axis=2))) ** 2
    power /= power.mean()
    # No grid: no frequency stands out of what the largest of 2¹⁸ exponentials is.
    assert power.max() < 22
    bands = power.reshape(8, 64, 8, 64).mean(axis=(1, 3))
    assert bands == pytest.approx(np.ones((8, 8)), abs=0.08)


def test_apply_has_the_spectrum_of_residuals() -> None:
    """Levels per root of a frequency, as measured at a standard deviation of 4.67 in all."""
    step = ModelError(4.67, 0.0, 5, "residual")
    error = error_of(np.zeros((512, 512, 3), np.float32), step)
    assert error.reshape(-1, 3).std(axis=0) == pytest.approx([4.67] * 3, rel=0.02)
    together = np.corrcoef(error.reshape(-1, 3).T)
    assert together[np.triu_indices(3, 1)] == pytest.approx([0.64] * 3, abs=0.02)
    power = np.abs(np.fft.fft2(error[..., 0])) ** 2 / 512**2
    radius = np.hypot(np.fft.fftfreq(512)[:, None], np.fft.fftfreq(512)[None])
    bands = zip((0.1, 0.2, 0.3, 0.4), (0.2, 0.3, 0.4, 0.5), (8.0, 5.3, 3.7, 2.7), strict=True)
    for low, high, wanted in bands:
        inside = (radius >= low) & (radius < high)
        assert np.sqrt(power[inside].mean()) == pytest.approx(wanted, rel=0.06)


def test_apply_with_a_spectrum_gives_the_same_bits_everywhere() -> None:
    """The numbers are whole, below 2²⁴ with all that is done before the one product."""
    step = ModelError(2.0, 0.1, 2**40, "residual")
    numbers = draw_error(step, 40, 50)
    digest = hashlib.sha256(numbers.astype("<i4").tobytes()).hexdigest()
    assert digest == "e2400cde412d0c8d782efde0ec9d1b6d332880f3c50cdd031098ec80fa561c42"
    words = np.random.PCG64(3).random_raw(40 * 50 * 3) >> np.uint64(40)  # 24 bits
    levels = (words.astype(np.float32) / np.float32(2**16)).reshape(40, 50, 3)
    noisy = step.apply(levels, GIVEN)
    digest = hashlib.sha256(noisy.astype("<f4").tobytes()).hexdigest()
    assert digest == "3c549642e5c46327b87ef7e8dace94aa91e231a706ea1e02038549189d83d6e1"
    most = int(np.abs(quantiles().astype(int)).max()) * (OWN + SHARED)
    reach = _RESIDUAL_REACH
    assert most * np.abs(spread_taps(_RESIDUAL_TAPS, reach)).sum() < 2**24


def test_a_spectrum_is_in_json_only_where_it_is_not_white() -> None:
    step = ModelError(2.0, 0.0, 1, "residual")
    assert read_step(step.to_json()) == step and step.to_json()["spectrum"] == "residual"
    assert "spectrum" not in ModelError(2.0, 0.0, 1).to_json()
    assert "spectrum of residuals, σ = 2 grey" in step.words()
    with pytest.raises(CorruptDataError):
        read_step({**step.to_json(), "spectrum": "pink"})
    settings = ModelErrorSettings(2.0, 0.0, "residual")
    assert settings.draw(PoolIndex(()), (8, 8), rng_for(0)).spectrum == "residual"


def test_apply_is_normal() -> None:
    error = error_of(np.zeros((512, 512, 3), np.float32), ModelError(1.0, 0.0, 9))
    error /= error.std()
    assert abs((error**3).mean()) < 0.01 and (error**4).mean() == pytest.approx(3, abs=0.03)


def test_apply_gives_the_same_bits_everywhere(rng: np.random.Generator) -> None:
    words = np.random.PCG64(3).random_raw(40 * 50 * 3) >> np.uint64(40)  # 24 bits
    levels = (words.astype(np.float32) / np.float32(2**16)).reshape(40, 50, 3)
    kept = levels.copy()
    noisy = ModelError(1.5, 0.2, 2**40).apply(levels, GIVEN)
    digest = hashlib.sha256(noisy.astype("<f4").tobytes()).hexdigest()
    assert noisy.dtype == np.float32 and np.array_equal(levels, kept)
    assert digest == "ff36054bf5ded509a2bd3dab679accc50fc66897a06a980736c70843926e0c9d"


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 2)])
def test_apply_takes_images_of_any_size(shape: tuple[int, int]) -> None:
    levels = np.full((*shape, 3), 9, np.float32)
    assert ModelError(1.5, 0.2, 0).apply(levels, GIVEN).shape == levels.shape
    assert not local_gradient(levels).any()


def test_apply_refuses_what_is_not_of_three_channels() -> None:
    with pytest.raises(InvalidValueError, match="three channels, got 1"):
        ModelError(1.5, 0.2, 0).apply(np.zeros((4, 4, 1), np.float32), GIVEN)


def test_local_gradient_is_in_levels_per_pixel() -> None:
    slanted = ramp(3) + ramp(4).swapaxes(0, 1)
    assert local_gradient(slanted) == pytest.approx(np.full((200, 200), 5.0))
    green = np.zeros((3, 4, 3), np.float32)
    green[:, 2:, 1] = 8
    assert local_gradient(green)[1].tolist() == [0, 2, 2, 0]
    assert local_gradient(green[:, 1:3])[1].tolist() == [4, 4]


def test_draw_takes_its_size_from_the_settings() -> None:
    plain = ModelError.draw(PoolIndex(()), (8, 8), rng_for(0))
    assert (plain.base, plain.slope) == AUTO
    of_two = ModelErrorSettings(2.0, 0.0)
    drawn = [of_two.draw(PoolIndex(()), (8, 8), rng_for(0, "seed", n)) for n in range(50)]
    assert {(step.base, step.slope) for step in drawn} == {(2.0, 0.0)}
    assert len({step.seed for step in drawn}) == 50


def test_json_is_read_back_and_checked() -> None:
    step = ModelError(1.5, 0.2, 12)
    assert step.to_json() == {"kind": "model-error", "base": 1.5, "slope": 0.2, "seed": 12}
    assert read_step(step.to_json()) == step
    for change in ({"base": -1.0}, {"base": 65}, {"slope": 5.0}, {"seed": -1}, {"seed": 0.5}):
        with pytest.raises(CorruptDataError):
            read_step({**step.to_json(), **change})
    for number in (float("nan"), float("inf")):
        with pytest.raises(CorruptDataError):
            read_step({**step.to_json(), "base": number})


def test_words_tell_the_size() -> None:
    words = "model error added: white noise, σ = 1.5 + 0.2 · gradient grey levels"
    assert ModelError(1.5, 0.2, 0).words() == words
    assert ModelError(2.0, 0.0, 0).words().endswith("σ = 2 grey levels")
