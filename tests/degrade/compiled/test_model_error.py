from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.degradation.steps import ModelError, StepInputs, model_error
from tests.making import PoolInHand


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 70),
    base=st.floats(0, 64),
    slope=st.one_of(st.just(0.0), st.floats(0, 4)),
    contrast=st.sampled_from([0, 3, 80]),
    seed=st.integers(0, 10**6),
)
def test_add_model_error_gives_the_bits_of_numpy(
    height: int, width: int, base: float, slope: float, contrast: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    levels = (120 + contrast * rng.standard_normal((height, width, 3))).astype(np.float32)
    step, found = ModelError(base, slope, seed), []
    for is_compiled in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(model_error, "is_compiled", lambda chosen=is_compiled: chosen)
            found.append(step.apply(levels, StepInputs(PoolInHand())).view(np.uint32))
    np.testing.assert_array_equal(*found)
