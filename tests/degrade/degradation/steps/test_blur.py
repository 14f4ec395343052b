from __future__ import annotations

import numpy as np
import pytest

from degrade.degradation import PoolIndex
from degrade.degradation.downsampling import PreparedImage
from degrade.degradation.steps import NO_LEVELS, Blur, StepInputs
from degrade.errors import InvalidValueError
from degrade.kernels import gaussian_kernel
from degrade.rng import rng_for
from tests.making import PoolInHand


def test_draw_gives_every_kernel_its_turn() -> None:
    index = PoolIndex(("a", "b", "c"))
    drawn = {Blur.draw(index, (8, 8), rng_for(0, number)).kernel_id for number in range(50)}
    assert drawn == {"a", "b", "c"}
    with pytest.raises(InvalidValueError, match="no kernel of this scale"):
        Blur.draw(PoolIndex(()), (8, 8), rng_for(0))


def test_apply_downsamples_the_patch_with_the_kernel(rng: np.random.Generator) -> None:
    kernel = gaussian_kernel(7, 2, (1.2, 0.8))
    hr = PreparedImage(rng.integers(0, 256, (20, 24, 3), np.uint8), 2, kernel.size // 2)
    given = StepInputs(PoolInHand({"k": kernel}), hr, (2, 4, 8, 12))
    blur = Blur("k")
    lr = blur.apply(NO_LEVELS, given)
    assert np.array_equal(lr, hr.downsample(kernel, (2, 4, 8, 12)))
    assert blur.reach(given.pool) == 3
    with pytest.raises(InvalidValueError, match="applied first"):
        blur.apply(lr, given)
