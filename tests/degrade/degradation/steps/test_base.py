from __future__ import annotations

import numpy as np
import pytest

from degrade.degradation.steps import NO_LEVELS, Blur, Residual, Rounding, Source, apply_steps
from degrade.degradation.steps.base import Step, read_struct
from degrade.errors import CorruptDataError, InvalidValueError
from tests.making import PoolInHand


class Numbers(Step, frozen=True):
    one: float
    many: tuple[float, ...] = ()


def test_read_struct_refuses_what_is_not_finite() -> None:
    assert read_struct({"one": 1, "many": [0.5]}, Numbers, "it") == Numbers(1.0, (0.5,))
    for bad in (float("nan"), float("inf"), -float("inf")):
        with pytest.raises(CorruptDataError, match="it: 'one' must be finite"):
            read_struct({"one": bad}, Numbers, "it")
        with pytest.raises(CorruptDataError, match="it: 'many' must be finite"):
            read_struct({"one": 0.0, "many": [0.0, bad]}, Numbers, "it")


def test_apply_steps_applies_them_in_order(rng: np.random.Generator) -> None:
    levels = rng.uniform(0, 255, (4, 5, 3)).astype(np.float32)
    residual = rng.uniform(-0.1, 0.1, (4, 5, 3)).astype(np.float32)
    source = Source(PoolInHand({}, {"n": residual}))
    noise = Residual("n", 0, 0)
    before = levels.copy()
    rounded_last = apply_steps([noise, Rounding()], levels, source)
    assert np.array_equal(rounded_last, np.rint(levels + residual * np.float32(255)).clip(0, 255))
    rounded_first = apply_steps([Rounding(), noise], levels, source)
    assert np.array_equal(rounded_first, np.rint(levels) + residual * np.float32(255))
    assert np.array_equal(levels, before)
    assert apply_steps([], levels, source) is levels


def test_steps_that_need_hr_say_so() -> None:
    with pytest.raises(InvalidValueError, match="makes LR of HR"):
        apply_steps([Blur("k")], NO_LEVELS, Source(PoolInHand()))
