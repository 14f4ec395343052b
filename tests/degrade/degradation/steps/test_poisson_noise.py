from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from degrade.degradation.steps import PoissonNoise, PoissonNoiseSettings, read_step
from degrade.errors import InvalidValueError
from tests.degrade.degradation.steps.chains import GIVEN, draw_many, make_levels


@pytest.mark.parametrize("level", [4, 60, 240])
@pytest.mark.parametrize("grey", [False, True])
def test_noise_grows_with_the_root_of_the_level(level: int, grey: bool) -> None:
    levels = np.full((200, 200, 3), level, np.float32)
    noise = PoissonNoise(0.5, grey, 3).apply(levels, GIVEN) - levels
    assert noise.std() == pytest.approx(0.5 * level**0.5, rel=0.03)
    assert abs(noise.mean()) < 0.1
    correlation = np.corrcoef(noise.reshape(-1, 3).T)[0, 1]
    assert correlation == pytest.approx(1.0 if grey else 0.0, abs=0.03)


def test_noise_of_black_is_none_and_levels_beyond_white_count_as_white() -> None:
    black = np.full((20, 20, 3), -9, np.float32)
    assert np.array_equal(PoissonNoise(3.0, False, 1).apply(black, GIVEN), black)
    white = np.full((200, 200, 3), 300, np.float32)
    noise = PoissonNoise(1.0, False, 1).apply(white, GIVEN) - white
    assert noise.std() == pytest.approx(255**0.5, rel=0.03)


def test_apply_gives_the_same_bits_everywhere() -> None:
    levels = make_levels(13, 11)
    digests = [
        hashlib.sha256(PoissonNoise(1.5, grey, 9).apply(levels, GIVEN).astype("<f4").tobytes())
        for grey in (False, True)
    ]
    assert [each.hexdigest()[:16] for each in digests] == ["abb96934338e0ca7", "14c0a0bc3ebeb021"]


def test_draw_stays_within_the_settings() -> None:
    drawn: Any = draw_many(PoissonNoiseSettings((0.5, 2.5)))
    assert all(0.5 <= step.strength <= 2.5 and not step.grey for step in drawn)
    assert all(read_step(step.to_json()) == step for step in drawn)
    with pytest.raises(InvalidValueError, match="strength"):
        PoissonNoiseSettings((2.0, 1.0))
    with pytest.raises(InvalidValueError, match="three channels"):
        PoissonNoise(1.0, False, 0).apply(np.zeros((2, 2, 1), np.float32), GIVEN)
