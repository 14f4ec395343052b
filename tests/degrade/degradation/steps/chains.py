"""What tests of steps that a random chain is made of share."""

from __future__ import annotations

import numpy as np

from degrade.arrays import FloatArray
from degrade.degradation import PoolIndex
from degrade.degradation.steps import StepInputs, StepSettings
from degrade.rng import rng_for
from tests.making import PoolInHand

GIVEN = StepInputs(PoolInHand())


def make_levels(height: int, width: int) -> FloatArray:
    """Return levels that are the same on every machine."""
    words = np.random.PCG64(11).random_raw(height * width * 3) >> np.uint64(56)
    return words.astype(np.float32).reshape(height, width, 3)


def draw_many(settings: StepSettings, count: int = 200) -> list[object]:
    """Draw a step again and again, each time by other random numbers."""
    return [settings.draw(PoolIndex(()), (16, 20), rng_for(0, "many", n)) for n in range(count)]
