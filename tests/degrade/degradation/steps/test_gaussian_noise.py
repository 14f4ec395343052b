from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from degrade.degradation.steps import GaussianNoise, GaussianNoiseSettings, read_step
from degrade.errors import InvalidValueError
from tests.degrade.degradation.steps.chains import GIVEN, draw_many, make_levels


@pytest.mark.parametrize("grey", [False, True])
def test_noise_has_its_strength_and_colour(grey: bool) -> None:
    levels = np.full((300, 301, 3), 50, np.float32)
    noise = GaussianNoise(7.5, grey, 3).apply(levels, GIVEN) - levels
    assert noise.std() == pytest.approx(7.5, rel=0.02) and abs(noise.mean()) < 0.1
    correlation = np.corrcoef(noise.reshape(-1, 3).T)[0, 1]
    assert correlation == pytest.approx(1.0 if grey else 0.0, abs=0.02)


def test_apply_gives_the_same_bits_everywhere() -> None:
    levels = make_levels(13, 11)
    noisy = GaussianNoise(12.25, False, 9).apply(levels, GIVEN)
    assert noisy.dtype == np.float32 and noisy.shape == levels.shape
    assert hashlib.sha256(noisy.astype("<f4").tobytes()).hexdigest()[:16] == "b75d00c40fe6ad16"


def test_draw_stays_within_the_settings() -> None:
    drawn: Any = draw_many(GaussianNoiseSettings((2.0, 5.0), True))
    assert all(2 <= step.sigma <= 5 and step.grey for step in drawn)
    assert len({step.seed for step in drawn}) == len(drawn)
    assert all(read_step(step.to_json()) == step for step in drawn)
    for wrong in ((5.0, 2.0), (-1.0, 2.0), (0.0, 1e6)):
        with pytest.raises(InvalidValueError, match="sigma"):
            GaussianNoiseSettings(wrong)
