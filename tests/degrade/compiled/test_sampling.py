from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.arrays import FloatArray, U8Array
from degrade.compiled import loading
from degrade.compiled.sampling import sample
from degrade.resample import mirror_indices


def _by_definition(
    image_u8: U8Array, taps: FloatArray, step: int, box: tuple[int, int, int, int]
) -> np.ndarray:
    top, left, rows, columns = box
    total = np.zeros((rows, columns, image_u8.shape[2]), np.int64)
    for i, j in np.ndindex(*taps.shape):
        down = mirror_indices(top + i + step * np.arange(rows), image_u8.shape[0])
        right = mirror_indices(left + j + step * np.arange(columns), image_u8.shape[1])
        total += int(taps[i, j]) * (image_u8[down[:, None], right].astype(np.int64) - 128)
    return total


@settings(max_examples=150, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 90),
    channels=st.sampled_from([1, 3, 4]),
    size=st.integers(1, 30),
    step=st.integers(1, 9),
    sums=st.tuples(st.integers(1, 12), st.integers(1, 70)),
    place=st.tuples(st.integers(-70, 40), st.integers(-70, 90)),
    seed=st.integers(0, 10**6),
)
def test_sample_equals_integer_arithmetic(
    height: int,
    width: int,
    channels: int,
    size: int,
    step: int,
    sums: tuple[int, int],
    place: tuple[int, int],
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (height, width, channels), np.uint8)
    taps = rng.integers(-60, 90, (size, size)).astype(np.float32)
    taps[rng.random(taps.shape) < 0.4] = 0
    found = sample(image, taps, step, (*place, *sums), 0.25)
    expected = _by_definition(image, taps, step, (*place, *sums)) / 4 + 128
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_sample_takes_views_as_their_copies() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 60, 3), np.uint8)[::-1, ::2]
    taps = rng.integers(-9, 9, (10, 10)).astype(np.float32)[::2, ::2]
    box = (0, 0, 9, 7)
    found = sample(image, taps, 4, box, 1.0)
    np.testing.assert_array_equal(found, sample(image.copy(), taps.copy(), 4, box, 1.0))


def test_sample_says_when_it_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "compiled_code", lambda: None)
    with pytest.raises(RuntimeError, match="not there"):
        sample(np.zeros((4, 4, 3), np.uint8), np.ones((1, 1), np.float32), 1, (0, 0, 4, 4), 1.0)
