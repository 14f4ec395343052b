from __future__ import annotations

import numpy as np
import pytest
import torch

from degrade.degradation.even_filters import UNCHANGED
from degrade.degradation.steps import ESTIMATES_LACK, Response, StepInputs
from degrade.errors import InvalidValueError
from esrgan.degrading.response import response
from tests.esrgan.degrading.photos import POOL, inputs_of, make_photo

GIVEN = inputs_of(make_photo(), [(0, 0, 8, 8)])


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (40, 33)])
@pytest.mark.parametrize("most", [290, 1e12])
def test_response_is_that_of_each_sample_to_the_bit(shape: tuple[int, int], most: float) -> None:
    rng = np.random.default_rng(3)
    levels = rng.uniform(-20, most, (3, *shape, 3)).astype(np.float32)
    steps = [Response(ESTIMATES_LACK), Response(UNCHANGED), Response(ESTIMATES_LACK)]
    found = response(torch.from_numpy(levels), steps, GIVEN).numpy()
    wanted = [step.apply(one, StepInputs(POOL)) for step, one in zip(steps, levels, strict=True)]
    assert found.dtype == np.float32 and np.array_equal(found, np.stack(wanted))


def test_response_refuses_what_is_no_lr_yet() -> None:
    with pytest.raises(InvalidValueError, match="needs LR"):
        response(torch.empty(1, 0, 0, 3), [Response(UNCHANGED)], GIVEN)
