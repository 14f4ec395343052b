from __future__ import annotations

import numpy as np
import pytest

from degrade.jpeg import line_steps
from degrade.jpeg.line_steps import mean_steps
from tests.compiled_forms import all_forms

form = all_forms(line_steps)


@pytest.mark.parametrize("sides", [(3, 3), (40, 57), (513, 31)])
@pytest.mark.parametrize(("order", "most"), [(1, 20), (2, 8), (2, 255)])
def test_mean_steps_are_the_nearest_float32_of_the_means(
    sides: tuple[int, int], order: int, most: int, rng: np.random.Generator
) -> None:
    luma = rng.integers(0, 256, sides, np.uint8)
    along, down = mean_steps(luma, order=order, most=most)
    for found, axis in ((along, 1), (down, 0)):
        sizes = np.minimum(np.abs(np.diff(luma.astype(np.int64), n=order, axis=axis)), most)
        wanted = sizes.sum(axis=1 - axis) / sizes.shape[1 - axis]
        assert found.dtype == np.float32
        np.testing.assert_array_equal(found, wanted.astype(np.float32))
