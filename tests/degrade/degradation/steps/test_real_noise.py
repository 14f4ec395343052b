from __future__ import annotations

import numpy as np
import pytest

from degrade.degradation import NoiseChoice, PoolIndex
from degrade.degradation.steps.real_noise import NoiseWindow, Quilt, draw_window
from degrade.errors import InvalidValueError
from degrade.noise.quilting import quilt_noise
from degrade.rng import rng_for
from tests.making import PoolInHand


def test_read_multiplies_each_residual_by_its_factor(rng: np.random.Generator) -> None:
    patches = {name: rng.uniform(-0.1, 0.1, (16, 16, 3)).astype(np.float32) for name in "ab"}
    factors = [np.array([1, 2, 3], np.float32), np.array([4, 5, 6], np.float32)]
    pool = PoolInHand({}, patches)
    alone = NoiseWindow("a", 2, 3, None).read(pool, 5, 6, factors[:1])
    assert np.array_equal(alone, patches["a"][2:7, 3:9] * factors[0])
    sewn = NoiseWindow("a", 0, 0, Quilt(("b",), 16, 7))
    assert sewn.names == ("a", "b")
    wanted = [patches[name] * factor for name, factor in zip("ab", factors, strict=True)]
    assert np.array_equal(sewn.read(pool, 40, 30, factors), quilt_noise(wanted, 40, 30, 7))


def test_draw_window_sews_where_lr_is_larger() -> None:
    index = PoolIndex((), (NoiseChoice("n", 16), NoiseChoice("m", 16)))
    assert draw_window(index, (16, 16), rng_for(0)).quilt is None
    assert draw_window(index, (17, 16), rng_for(0)).quilt is not None
    with pytest.raises(InvalidValueError, match="no noise patch"):
        draw_window(PoolIndex(()), (8, 8), rng_for(0))
