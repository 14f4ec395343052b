from __future__ import annotations

import numpy as np
import torch

from degrade.degradation.steps import Rounding, StepInputs
from esrgan.degrading.rounding import rounding
from tests.esrgan.degrading.photos import POOL, inputs_of, make_photo

GIVEN = inputs_of(make_photo(), [(0, 0, 8, 8)])


def test_rounding_takes_halves_to_even_and_clips() -> None:
    levels = torch.tensor([-3.0, -0.5, 0.5, 1.5, 2.5, 254.5, 255.5, 300.0]).reshape(2, 2, 2, 1)
    found = rounding(levels, [Rounding()] * 2, GIVEN)
    assert found.flatten().tolist() == [0, 0, 0, 2, 2, 254, 255, 255]
    wanted = [Rounding().apply(one, StepInputs(POOL)) for one in levels.numpy()]
    assert np.array_equal(found.numpy(), np.stack(wanted))
