from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.arrays import round_to_u8
from degrade.compiled import loading
from degrade.compiled.rounding import clip_levels

_LEVELS = st.floats(-300, 600, width=32) | st.sampled_from(
    [0.5, 1.5, 254.5, 255.0, 255.5, -0.0, -1e30, 1e30, float("inf"), float("-inf")]
)


@given(st.lists(_LEVELS, max_size=70))
def test_clip_levels_equals_its_definition(values: list[float]) -> None:
    levels = np.array(values, np.float32)
    found, moved = clip_levels(levels)
    np.testing.assert_array_equal(found, round_to_u8(levels), strict=True)
    most, total = 2**14, 0
    for level in levels.tolist():
        by = np.float32(min(max(level, 0.0), 255.0)) - np.float32(level)
        exact = Fraction(min(max(float(by), -most), most)) * 2**16
        total += round(exact)  # halves to even
    assert moved == total


def test_clip_levels_counts_what_was_cut_off() -> None:
    levels = np.array([[-1.5, 0.0, 255.0], [257.25, 100.2, 3.0]], np.float32)
    found, moved = clip_levels(levels)
    assert found.tolist() == [[0, 0, 255], [255, 100, 3]]
    assert moved == round((1.5 - 2.25) * 2**16)


def test_clip_levels_says_when_it_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "compiled_code", lambda: None)
    with pytest.raises(RuntimeError, match="not there"):
        clip_levels(np.zeros(3, np.float32))
