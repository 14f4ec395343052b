from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from degrade.degradation import (
    RECIPES,
    DegradationConfig,
    DegradationPlan,
    PoolIndex,
    make_pair,
    plan_degradation,
    prepare_hr,
)
from degrade.degradation.steps import HrPatch, LrSize
from degrade.errors import InvalidValueError
from degrade.images.image_io import quantise
from degrade.rng import rng_for
from tests.making import PoolInHand, make_scene

SECOND_ORDER = RECIPES["second-order"]


def plan_of(number: int, box: tuple[int, int, int, int], scale: int) -> DegradationPlan:
    config = DegradationConfig(scale=scale, recipe=SECOND_ORDER)
    key = f"p{number}"
    return plan_degradation(key, "s", box, PoolIndex(()), config, rng=rng_for(0, "pairs", key))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("shape", [(1, 1), (8, 12), (33, 20)])
def test_any_patch_becomes_lr_and_its_plan_is_read_back(scale: int, shape: tuple[int, int]) -> None:
    height, width = (side * scale for side in shape)
    hr_u8 = quantise(make_scene("second", height + 5, width + 7))
    for number in range(6):
        plan = plan_of(number, (5, 3, height, width), scale)
        again = DegradationPlan.from_json(plan.to_json())
        assert again == plan and plan.kernel_id is None
        pair = make_pair(prepare_hr(hr_u8, [plan], PoolInHand()), plan, PoolInHand())
        assert pair.lr_u8.shape == (*shape, 3) and pair.hr_u8.shape == (height, width, 3)
        assert all(line.isprintable() for line in plan.lines())


def test_steps_come_as_often_as_the_paper_has_them() -> None:
    counts: Counter[str] = Counter()
    total = 1500
    for number in range(total):
        kinds = [step.kind for step in plan_of(number, (0, 0, 64, 64), 4).steps]
        assert kinds[0] == "hr-patch" and kinds.count("lr-size") == 1
        counts.update(set(kinds))
        counts["compressed before the last resize"] += kinds.index("lr-size") > max(
            n for n, kind in enumerate(kinds) if kind == "jpeg"
        )
        counts["noise"] += sum(kind.endswith("-noise") for kind in kinds)
        counts["blurs"] += sum(kind in ("synthetic-blur", "sinc") for kind in kinds)
        counts["resizes"] += kinds.count("resize")
    shares = {name: count / total for name, count in counts.items()}
    assert shares["jpeg"] == 1 and shares["noise"] == 2
    assert shares["compressed before the last resize"] == pytest.approx(0.5, abs=0.05)
    # A blur always, one in 80 %, the last sinc in 80 %; resizes in 90 and 70 %.
    assert shares["blurs"] == pytest.approx(2.6, abs=0.06)
    assert shares["resizes"] == pytest.approx(1.6, abs=0.06)


def test_patch_is_where_the_box_is() -> None:
    """Without the random steps LR is HR resized: nothing is shifted or cut at its border."""
    hr_u8 = quantise(make_scene("place", 96, 104))
    steps = (HrPatch(12), LrSize(10, 12, 12, "area"))
    for box in ((0, 0, 40, 48), (56, 56, 40, 48), (20, 8, 40, 48)):
        plan = DegradationPlan(
            key="k", source_sha256="s", clean_up=1, hr_box=box, scale=4, steps=steps
        )
        pair = make_pair(prepare_hr(hr_u8, [plan], PoolInHand()), plan, PoolInHand())
        means = pair.hr_u8.reshape(10, 4, 12, 4, 3).mean(axis=(1, 3))
        assert np.abs(pair.lr_u8 - means).max() <= 0.51


def test_second_order_cannot_be_left_to_training() -> None:
    with pytest.raises(InvalidValueError, match="before LR has its size"):
        DegradationConfig(recipe=SECOND_ORDER, defers_noise=True)
