from __future__ import annotations

import numpy as np
import pytest

from degrade.degradation.steps import NO_LEVELS, Blur, Residual, Rounding, StepInputs, apply_steps
from degrade.errors import InvalidValueError
from tests.making import PoolInHand


def test_apply_steps_applies_them_in_order(rng: np.random.Generator) -> None:
    levels = rng.uniform(0, 255, (4, 5, 3)).astype(np.float32)
    residual = rng.uniform(-0.1, 0.1, (4, 5, 3)).astype(np.float32)
    given = StepInputs(PoolInHand({}, {"n": residual}))
    noise = Residual("n", 0, 0)
    before = levels.copy()
    rounded_last = apply_steps([noise, Rounding()], levels, given)
    assert np.array_equal(rounded_last, np.rint(levels + residual * np.float32(255)).clip(0, 255))
    rounded_first = apply_steps([Rounding(), noise], levels, given)
    assert np.array_equal(rounded_first, np.rint(levels) + residual * np.float32(255))
    assert np.array_equal(levels, before)
    assert apply_steps([], levels, given) is levels


def test_steps_that_need_hr_say_so() -> None:
    with pytest.raises(InvalidValueError, match="makes LR of HR"):
        apply_steps([Blur("k")], NO_LEVELS, StepInputs(PoolInHand()))
