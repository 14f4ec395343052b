from __future__ import annotations

import numpy as np
import pytest

from degrade.degradation import PoolIndex
from degrade.degradation.steps import StepInputs, Window, read_step
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.rng import rng_for
from tests.making import PoolInHand

GIVEN = StepInputs(PoolInHand())
LEVELS = np.arange(6 * 5 * 3, dtype=np.float32).reshape(6, 5, 3)


def test_apply_takes_what_the_box_says() -> None:
    found = Window((1, 2, 4, 3)).apply(LEVELS, GIVEN)
    assert np.array_equal(found, LEVELS[1:5, 2:5]) and not np.shares_memory(found, LEVELS)
    whole = Window.draw(PoolIndex(()), (6, 5), rng_for(0))
    assert np.array_equal(whole.apply(LEVELS, GIVEN), LEVELS)


def test_within_is_where_it_lies_in_a_window() -> None:
    assert Window((1, 2, 4, 3)).within((10, 20, 6, 5)) == (11, 22, 4, 3)


@pytest.mark.parametrize("box", [(3, 0, 4, 5), (0, 3, 6, 3), (0, 0, 0, 5), (0, 0, 6, 0)])
def test_apply_refuses_what_is_outside_or_empty(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(InvalidValueError, match="outside of LR of 6×5"):
        Window(box).apply(LEVELS, GIVEN)


@pytest.mark.parametrize("box", [[0, 0, 1], [0, 0, -1, 2], [0, 0, 1.5, 2], "0 0 1 1", None])
def test_read_step_refuses_what_is_no_box(box: object) -> None:
    with pytest.raises(CorruptDataError):
        read_step({"kind": "window", "box": box})
