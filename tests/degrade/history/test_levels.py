from __future__ import annotations

import numpy as np
import pytest

from degrade.history.levels import is_drawn, measure_levels
from degrade.history.windows import spread_windows
from tests.degrade.history.pictures import natural, with_edges


@pytest.mark.parametrize("sigma", [1.0, 4.0])
def test_measure_levels_finds_the_noise(sigma: float) -> None:
    noise = np.random.default_rng(0).normal(128, sigma, (500, 600, 1))
    found = measure_levels(np.rint(noise).astype(np.uint8).repeat(3, axis=2))
    assert found.noise == pytest.approx(np.hypot(sigma, 0.29), rel=0.1)
    assert (found.black, found.white) == (0, 0)


def test_measure_levels_counts_what_is_clipped() -> None:
    pixels = np.full((512, 512, 3), 128, np.uint8)
    pixels[:128], pixels[384:, :, 1] = 0, 255
    found = measure_levels(pixels)
    assert (found.black, found.white, found.clipped) == (0.25, 0.25, 0.5) and found.noise == 0
    # A pure red is both.
    red = measure_levels(np.full((64, 64, 3), (255, 0, 0), np.uint8))
    assert (red.black, red.white, red.clipped) == (1, 1, 1)


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (30, 33)])
def test_measure_levels_takes_any_size(shape: tuple[int, int]) -> None:
    found = measure_levels(np.full((*shape, 3), 255, np.uint8))
    assert (found.black, found.white, found.noise) == (0, 1, None)


def test_is_drawn_tells_drawings_from_photos() -> None:
    drawn = np.rint(with_edges("a") / 30) * 30
    assert is_drawn(spread_windows(drawn.astype(np.uint8)))
    assert not is_drawn(spread_windows(natural("a")))
