from __future__ import annotations

import numpy as np

from degrade.degradation import PoolIndex
from degrade.degradation.steps import Rounding, StepInputs
from degrade.rng import rng_for
from tests.making import PoolInHand


def test_apply_keeps_what_an_8_bit_file_keeps() -> None:
    levels = np.array([-3.0, -0.5, 0.5, 1.5, 2.4, 254.6, 255.4, 300.0], np.float32)
    image = np.repeat(levels, 3).reshape(2, 4, 3)
    rounded = Rounding.draw(PoolIndex(()), (2, 4), rng_for(0)).apply(
        image, StepInputs(PoolInHand())
    )
    assert rounded.dtype == np.float32
    assert rounded[..., 0].ravel().tolist() == [0, 0, 0, 2, 2, 255, 255, 255]
    assert np.array_equal(Rounding().apply(rounded, StepInputs(PoolInHand())), rounded)
