from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from degrade.degradation import (
    DegradationConfig,
    DegradationPlan,
    Entry,
    NoiseChoice,
    PoolIndex,
    Recipe,
    apply_degradation,
    hr_boxes,
    make_pair,
    plan_degradation,
    prepare_hr,
)
from degrade.degradation.recipes import without_noise
from degrade.degradation.steps import Blur, HrPatch, Residual, Rounding, Step, Window
from degrade.errors import InvalidValueError
from degrade.kernels import gaussian_kernel
from degrade.rng import rng_for
from tests.making import PoolInHand

PLAIN = Recipe("plain", (Entry(Blur.kind), Entry(Residual.kind)))
POOL = PoolIndex(("k1", "k2", "k3"), (NoiseChoice("n1", 16), NoiseChoice("n2", 40)))


def _plan(*steps: Step, clean_up: int = 1) -> DegradationPlan:
    return DegradationPlan(
        key="p",
        source_sha256="s",
        clean_up=clean_up,
        hr_box=(4, 8, 24, 32),
        scale=2,
        steps=steps,
    )


def _noise(plan: DegradationPlan) -> Residual:
    (noise,) = (step for step in plan.steps if isinstance(step, Residual))
    return noise


@pytest.mark.parametrize("noise", ["bake", "defer", "none"])
def test_plan_degradation_repeats_with_the_same_generator(noise: Any) -> None:
    config = DegradationConfig(
        scale=2,
        recipe=without_noise(PLAIN) if noise == "none" else PLAIN,
        defers_noise=noise == "defer",
    )
    plans = [
        plan_degradation("a", "s", (0, 0, 8, 8), pool, config, rng=rng_for(1, "pairs", "a"))
        for pool in (POOL, PoolIndex(POOL.kernel_ids[::-1], POOL.noise[::-1]))
    ]
    assert plans[0] == plans[1]
    kinds = ["blur", "residual"] if noise == "bake" else ["blur"]
    assert [step.kind for step in plans[0].steps] == kinds


def test_plan_degradation_draws_as_it_always_did() -> None:
    """Kernel, residual, row, column, in this order: sets of the first version used it."""
    rng = rng_for(3, "pairs", "a")
    kernel, noise, top, left = (int(rng.integers(bound)) for bound in (3, 1, 25, 21))
    pool = PoolIndex(POOL.kernel_ids, POOL.noise[1:])
    plan = plan_degradation(
        "a",
        "s",
        (0, 0, 32, 40),
        pool,
        DegradationConfig(scale=2, recipe=PLAIN),
        rng=rng_for(3, "pairs", "a"),
    )
    assert plan.steps == (Blur(POOL.kernel_ids[kernel]), Residual("n2", top, left)) and noise == 0


def test_plan_degradation_draws_everything_on_offer() -> None:
    config = DegradationConfig(scale=2, recipe=PLAIN)
    drawn = [
        plan_degradation(str(i), "s", (0, 0, 32, 32), POOL, config, rng=rng_for(0, "pairs", i))
        for i in range(400)
    ]
    for ids, count in (
        ([plan.kernel_id for plan in drawn], 3),
        ([_noise(plan).noise_id for plan in drawn], 2),
    ):
        _, shares = np.unique(ids, return_counts=True)
        assert len(shares) == count
        assert shares.min() > 400 / count * 0.75


@pytest.mark.parametrize(
    ("pool", "box"),
    [(PoolIndex(()), (0, 0, 8, 8)), (PoolIndex(("k",)), (0, 0, 8, 8)), (POOL, (0, 0, 8, 7))],
)
def test_plan_degradation_says_what_is_missing(pool: PoolIndex, box: Any) -> None:
    with pytest.raises(InvalidValueError):
        plan_degradation(
            "k", "s", box, pool, DegradationConfig(scale=2, recipe=PLAIN), rng=rng_for(0)
        )


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (Rounding(),),
        (Rounding(), Blur("k")),
        (Blur("k"), Blur("k")),
        (Residual("n", 0, 0),),
        (HrPatch(4),),
        (Blur("k"), HrPatch(4)),
    ],
    ids=str,
)
def test_plan_goes_from_hr_to_lr_once(steps: Any) -> None:
    with pytest.raises(InvalidValueError, match="begins with its only step that takes HR"):
        _plan(*steps)


def test_completed_plan_makes_the_window_that_was_stored_and_goes_on(
    rng: np.random.Generator,
) -> None:
    hr = rng.integers(0, 256, (40, 50, 3), np.uint8)
    residual = (0.05 * rng.standard_normal((9, 9, 3))).astype(np.float32)
    pool = PoolInHand({"k": gaussian_kernel(7, 2, (1, 1))}, {"n": residual})
    plan = _plan(Blur("k"))
    stored = make_pair(prepare_hr(hr, [plan], pool), plan, pool).lr_u8
    completed = plan.completed((2, 3, 5, 6), [Residual("n", 1, 2)])
    assert completed.shown_box == (8, 14, 10, 12) and plan.shown_box == plan.hr_box
    assert completed.steps == (Blur("k"), Rounding(), Window((2, 3, 5, 6)), Residual("n", 1, 2))
    levels = apply_degradation(prepare_hr(hr, [completed], pool), completed, pool)
    expected = stored[2:7, 3:9] + residual[1:6, 2:8] * np.float32(255)
    assert np.array_equal(levels, expected)
    pair = make_pair(prepare_hr(hr, [completed], pool), completed, pool)
    assert np.array_equal(pair.hr_u8, hr[8:18, 14:26])
    with pytest.raises(InvalidValueError, match="outside of LR of 12×16"):
        apply_degradation(prepare_hr(hr, [plan], pool), plan.completed((0, 11, 5, 6), ()), pool)


def test_lines_show_the_plan_and_every_step() -> None:
    lines = _plan(Blur("kern"), Rounding(), Residual("noi", 3, 5), clean_up=2).lines()
    assert lines == [
        "p: ×2, HR 32×24 from row 4, column 8 on",
        "photo s, halved first",
        "blurred with kernel kern",
        "rounded to 8 bits",
        "noise noi added, from its row 3, column 5 on",
    ]
    assert _plan(Blur("kern")).lines()[1] == "photo s"


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [None, 12, 24])
def test_hr_boxes_cover_every_side_and_stay_inside(scale: int, size: int | None) -> None:
    for height in range(1, 71):
        width = 71 - height
        boxes = hr_boxes((height, width, 3), size, scale)
        seen = np.zeros((height, width), bool)
        for top, left, rows, columns in boxes:
            assert min(top, left) >= 0
            assert top + rows <= height
            assert left + columns <= width
            assert rows % scale == columns % scale == 0
            assert min(rows, columns) >= scale
            seen[top : top + rows, left : left + columns] = True
        assert len(set(boxes)) == len(boxes)
        if size is None and min(height, width) >= scale:
            assert seen[: height - height % scale, : width - width % scale].all()
        elif size is not None and min(height, width) >= size:
            assert seen.all()
            assert len(boxes) == -(-height // size) * -(-width // size)
        else:
            assert boxes == []


def test_hr_boxes_tile_exactly_where_the_size_divides() -> None:
    assert hr_boxes((24, 48), 24, 4) == [(0, 0, 24, 24), (0, 24, 24, 24)]
    assert hr_boxes((26, 24, 3), None, 4) == [(0, 0, 24, 24)]


@pytest.mark.parametrize("size", [0, 3, 10, -4])
def test_hr_boxes_refuse_sizes_that_the_scale_does_not_divide(size: int) -> None:
    with pytest.raises(InvalidValueError, match="multiple of 4"):
        hr_boxes((64, 64), size, 4)


def test_plans_are_frozen() -> None:
    plan = _plan(Blur("k"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.scale = 3  # type: ignore[misc]
    with pytest.raises(AttributeError):
        plan.steps[0].kernel_id = "other"  # type: ignore[misc]
