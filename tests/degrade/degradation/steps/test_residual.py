from __future__ import annotations

import numpy as np
import pytest

from degrade.degradation import NoiseChoice, PoolIndex
from degrade.degradation.steps import Residual, Source
from degrade.errors import InvalidValueError
from degrade.rng import rng_for
from tests.making import PoolInHand

INDEX = PoolIndex((), (NoiseChoice("n1", 16), NoiseChoice("n2", 40)))


def _drawn(lr_shape: tuple[int, int], count: int = 300) -> list[Residual]:
    return [Residual.draw(INDEX, lr_shape, rng_for(0, "residual", i)) for i in range(count)]


def test_draw_places_windows_anywhere_inside() -> None:
    drawn = _drawn((16, 16))
    assert {(r.top, r.left) for r in drawn if r.noise_id == "n1"} == {(0, 0)}
    for side in ("top", "left"):
        places = [getattr(r, side) for r in drawn if r.noise_id == "n2"]
        assert (min(places), max(places)) == (0, 24)
        assert all(type(place) is int for place in places)  # as JSON wants it


def test_draw_begins_windows_within_residuals_that_are_too_small() -> None:
    size = {choice.id: choice.size for choice in INDEX.noise}
    for residual in _drawn((100, 10), 50):
        assert 0 <= residual.top < size[residual.noise_id]
        assert 0 <= residual.left <= size[residual.noise_id] - 10


def test_draw_says_that_the_pool_has_no_noise() -> None:
    with pytest.raises(InvalidValueError, match="no noise patch"):
        Residual.draw(PoolIndex(("k",)), (8, 8), rng_for(0))


def test_apply_adds_the_window_in_grey_levels(rng: np.random.Generator) -> None:
    residual = rng.uniform(-0.2, 0.2, (6, 7, 3)).astype(np.float32)
    levels = rng.uniform(-5, 260, (4, 5, 3)).astype(np.float32)
    source = Source(PoolInHand({}, {"n": residual}))
    noisy = Residual("n", 1, 2).apply(levels, source)
    assert noisy.dtype == np.float32
    assert np.array_equal(noisy, levels + residual[1:5, 2:7] * np.float32(255))
    grey = Source(PoolInHand({}, {"n": residual[..., :1]}))
    with pytest.raises(InvalidValueError, match="noise must be of shape"):
        Residual("n", 1, 2).apply(levels, grey)
