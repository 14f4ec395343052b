from __future__ import annotations

import numpy as np

from degrade.degradation.steps import Quilt, Residual, StepInputs
from esrgan.degrading.residual import residual
from tests.esrgan.degrading.photos import POOL, inputs_of, make_photo, random_levels

GIVEN = inputs_of(make_photo(), [(0, 0, 8, 8)])


def test_residual_adds_the_same_bits_from_a_window_and_sewn() -> None:
    steps = [Residual("n", 0, 0), Residual("n", 30, 7), Residual("n", 0, 0, Quilt(("n",), 64, 5))]
    levels = random_levels(3, 20, 24, 3)
    before = levels.clone()
    found = residual(levels, steps, GIVEN).numpy()
    for made, one, step in zip(found, levels.numpy(), steps, strict=True):
        assert np.array_equal(made, step.apply(one, StepInputs(POOL)))
    assert np.array_equal(levels, before)
