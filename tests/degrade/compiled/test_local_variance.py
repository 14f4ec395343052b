from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.compiled.local_variance import local_variance
from degrade.degradation.steps.linear_light import variance_by_numpy


@settings(max_examples=60, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 70),
    contrast=st.sampled_from([0, 3, 80, 900]),
    seed=st.integers(0, 10**6),
)
def test_local_variance_gives_the_bits_of_numpy(
    height: int, width: int, contrast: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    levels = (120.5 + contrast * rng.standard_normal((height, width, 3))).astype(np.float32)
    found, wanted = local_variance(levels), variance_by_numpy(levels)
    np.testing.assert_array_equal(found.view(np.uint32), wanted.view(np.uint32))
    assert (found >= 0).all()
