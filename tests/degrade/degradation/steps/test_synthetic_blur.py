from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from degrade.degradation.steps import SyntheticBlur, SyntheticBlurSettings, read_step
from degrade.errors import CorruptDataError, InvalidValueError
from tests.degrade.degradation.steps.chains import GIVEN, draw_many, make_levels


@pytest.mark.parametrize("sigmas", [(1.5, 1.5), (3.0, 1.0)])
@pytest.mark.parametrize("angle", [0.0, 0.6, 2.0])
def test_gaussian_kernels_have_their_sigmas_and_direction(
    sigmas: tuple[float, float], angle: float
) -> None:
    weights = SyntheticBlur("gaussian", sigmas, angle, 1.0, 31).weights()
    weights /= weights.sum()
    rows, columns = np.mgrid[-15:16, -15:16]
    along = np.cos(angle) * columns + np.sin(angle) * rows
    across = np.cos(angle) * rows - np.sin(angle) * columns
    assert (weights * along**2).sum() == pytest.approx(sigmas[0] ** 2, rel=0.01)
    assert (weights * across**2).sum() == pytest.approx(sigmas[1] ** 2, rel=0.01)
    assert abs((weights * along * across).sum()) < 0.05


def test_generalised_and_plateau_kernels_are_what_their_formulas_say() -> None:
    flat = SyntheticBlur("generalised", (2.0, 2.0), 0.0, 4.0, 21).weights()[10]
    peaked = SyntheticBlur("generalised", (2.0, 2.0), 0.0, 0.5, 21).weights()[10]
    plateau = SyntheticBlur("plateau", (2.0, 2.0), 0.0, 2.0, 21).weights()[10]
    assert flat[11] > 0.99 > 0.8 > peaked[11]
    assert flat[12] == pytest.approx(np.exp(-0.5)) and plateau[12] == pytest.approx(0.5)
    assert plateau[14] == pytest.approx(1 / (1 + 2.0**4))


def test_apply_keeps_flat_areas_and_gives_the_same_bits_everywhere() -> None:
    step = SyntheticBlur("plateau", (1.7, 0.9), 0.7, 1.3, 13)
    flat = np.full((9, 8, 3), 200.0, np.float32)
    assert (step.apply(flat, GIVEN) == 200).all()
    levels = make_levels(30, 40)
    kept = levels.copy()
    blurred = step.apply(levels, GIVEN)
    assert np.array_equal(levels, kept)
    digest = hashlib.sha256(blurred.astype("<f4").tobytes()).hexdigest()[:16]
    assert digest == "99996b94d250f27d"


def test_draw_stays_within_the_settings() -> None:
    settings = SyntheticBlurSettings("generalised", False, (0.5, 2.0), (0.5, 4.0), (7, 11))
    drawn: Any = draw_many(settings)
    assert {step.size for step in drawn} == {7, 9, 11}
    assert all(0.5 <= sigma <= 2 for step in drawn for sigma in step.sigmas)
    assert all(0.5 <= step.beta <= 4 and 0 <= step.angle <= np.pi for step in drawn)
    assert np.mean([step.sigmas[0] for step in drawn]) == pytest.approx(1.25, abs=0.1)
    isotropic: Any = draw_many(SyntheticBlurSettings())
    assert all(step.sigmas[0] == step.sigmas[1] and step.angle == 0 for step in isotropic)
    assert {step.beta for step in isotropic} == {1.0}
    for step in drawn:
        assert read_step(step.to_json()) == step


@pytest.mark.parametrize(
    "wrong",
    [
        {"sigma": (2.0, 1.0)},
        {"sigma": (0.0, 1.0)},
        {"sigma": (0.2, 1e9)},
        {"beta": (float("nan"), 1.0)},
        {"sizes": (8, 10)},
        {"sizes": (11, 9)},
    ],
    ids=str,
)
def test_settings_must_be_ranges(wrong: Any) -> None:
    with pytest.raises(InvalidValueError, match=next(iter(wrong))):
        SyntheticBlurSettings(**wrong)


def test_a_step_that_was_changed_is_refused() -> None:
    good = SyntheticBlur("gaussian", (1.0, 2.0), 0.5, 1.0, 7).to_json()
    for change in ({"size": 8}, {"size": 103}, {"shape": "box"}, {"sigmas": [0, 1]}, {"beta": 99}):
        with pytest.raises((CorruptDataError, InvalidValueError)):
            read_step({**good, **change})
