"""A batch of plans is what building pairs makes of each of them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from degrade.arrays import Box, FloatArray
from degrade.degradation import RECIPES, NoiseChoice, PoolIndex, draw_steps
from degrade.degradation.steps import (
    Blur,
    Jpeg,
    ModelError,
    Residual,
    Rounding,
    Step,
    StepInputs,
)
from degrade.errors import InvalidValueError
from degrade.jpeg.tables import standard_tables
from degrade.rng import rng_for
from esrgan.degrading import apply_plans
from tests.esrgan.degrading.photos import (
    MARGIN,
    POOL,
    SCALE,
    SIDES,
    inputs_of,
    make_photo,
    one_by_one,
)

PHOTO = make_photo()


class Haze(Step, frozen=True):
    """A step that has no batched form."""

    kind: ClassVar[str] = "haze"

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        return levels * np.float32(0.5) + np.float32(60)


class Bright(Blur, frozen=True):
    """A step that makes LR of HR and has no batched form."""

    kind: ClassVar[str] = "bright"

    def apply(self, levels: FloatArray, given: StepInputs) -> FloatArray:
        return super().apply(levels, given) + np.float32(9)


def boxes_for(count: int) -> list[Box]:
    rng = rng_for(0, "boxes")
    corners = [(0, 0), (86, 106), (0, 106), (86, 0)]
    found = [tuple(rng.integers(0, 80, 2).tolist()) for _ in range(count)]
    return [(*corner, 64, 64) for corner in (corners + found)[:count]]  # type: ignore[misc]


def steps_for(number: int) -> list[Step]:
    rng = rng_for(0, "steps", number)
    luma, chroma = standard_tables(int(rng.integers(5, 101)))
    top, left = rng.integers(0, 48, 2).tolist()
    return [
        Blur(sorted(SIDES)[number % len(SIDES)]),
        ModelError(1.5, 0.2, int(rng.integers(2**32))),
        Residual("n", top, left),
        Jpeg(luma, chroma, ("4:2:0", "4:4:4", "4:2:2")[number % 3]),  # type: ignore[arg-type]
    ]


def assert_equal(plans: list[list[Step]], margin: int = MARGIN) -> None:
    boxes = boxes_for(len(plans))
    found = apply_plans(plans, inputs_of(PHOTO, boxes, margin))
    assert np.array_equal(found.numpy(), one_by_one(PHOTO, boxes, plans))


def test_apply_plans_of_one_kind_equals_pairs() -> None:
    assert_equal([steps_for(number) for number in range(24)])


def test_apply_plans_of_different_kinds_and_lengths_equals_pairs() -> None:
    plans = []
    for number in range(24):
        blur, error, noise, jpeg = steps_for(number)
        orders = [
            [blur],
            [blur, noise, error],
            [blur, jpeg, Rounding(), noise, jpeg],
            [blur, Haze(), jpeg],
        ]
        plans.append(orders[number % 4])
    assert_equal(plans)


def test_apply_plans_takes_steps_without_a_batched_form_also_first() -> None:
    plans = [steps_for(number) for number in range(6)]
    for number in (1, 2, 5):
        plans[number][0] = Bright("wide")
    assert_equal(plans)


def test_apply_plans_takes_chains_that_begin_in_the_size_of_hr() -> None:
    """Patches with margins of one size, resizes to others, noise and JPEG between them."""
    index = PoolIndex(("usual", "wide"), (NoiseChoice("n", 64),))
    entries = RECIPES["second-order"].possible
    plans = [list(draw_steps(entries, index, (16, 16), rng_for(0, "chain", n))) for n in range(12)]
    assert len({tuple(step.kind for step in plan) for plan in plans}) > 3
    assert_equal(plans, margin=max(plan[0].reach(POOL, SCALE) for plan in plans))


def test_apply_plans_says_what_a_step_says() -> None:
    boxes = boxes_for(1)
    with pytest.raises(InvalidValueError, match="a blur makes LR of HR"):
        apply_plans([[Blur("wide"), Blur("wide")]], inputs_of(PHOTO, boxes))
