from __future__ import annotations

import numpy as np
import pytest
import torch

from degrade.degradation.steps import ModelError, StepInputs
from degrade.degradation.steps.model_error import local_gradient as numpy_gradient
from degrade.errors import InvalidValueError
from esrgan.degrading.model_error import local_gradient, model_error
from tests.esrgan.degrading.photos import POOL, inputs_of, make_photo, random_levels

GIVEN = inputs_of(make_photo(), [(0, 0, 8, 8)])
SIZES = ((9, 12), (2, 3), (1, 7), (5, 1), (1, 1))


@pytest.mark.parametrize("size", SIZES)
def test_model_error_adds_the_same_bits(size: tuple[int, int]) -> None:
    levels = random_levels(4, *size, 3)
    sizes = ((1.5, 0.2, 1), (0.0, 4.0, 2), (64.0, 0.0, 3), (3.0, 1.0, 2, "residual"))
    steps = [ModelError(*each) for each in sizes]
    found = model_error(levels, steps, GIVEN).numpy()
    for made, one, step in zip(found, levels.numpy(), steps, strict=True):
        assert np.array_equal(made, step.apply(one, StepInputs(POOL)))


def test_local_gradient_has_the_same_bits_whatever_the_root() -> None:
    levels = random_levels(3, 64, 64, 3)
    wanted = np.stack([numpy_gradient(one) for one in levels.numpy()])
    assert np.array_equal(local_gradient(levels).numpy(), wanted)


def test_model_error_is_for_three_channels() -> None:
    with pytest.raises(InvalidValueError, match="three channels, got 1"):
        model_error(torch.zeros(1, 4, 4, 1), [ModelError(1.0, 0.0, 0)], GIVEN)
