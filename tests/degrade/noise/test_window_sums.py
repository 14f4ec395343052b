"""Sums over windows are the integers that they must be, however bright, deep, large or odd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from degrade.noise import window_sums
from degrade.noise.window_sums import CLIPPED, PRODUCTS, SQUARES, SUMS, sum_cells
from tests.compiled_forms import all_forms

form = all_forms(window_sums)


def _naive(window: np.ndarray) -> list[int]:
    """The definition, in Python's own integers."""
    peak = np.iinfo(window.dtype).max
    r, g, b = (window[..., channel].astype(object) for channel in range(3))
    clipped = ((window == 0) | (window == peak)).any(axis=2)
    sums = [x.sum() for x in (r, g, b, r * r, g * g, b * b, r * g, g * b, b * r)]
    return [*sums, int(clipped.sum())]


@given(data=st.data())
def test_sum_cells_equals_naive_sums_at_every_edge(data: Any) -> None:
    height, width = data.draw(st.integers(1, 80)), data.draw(st.integers(1, 50))
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16]))
    peak = np.iinfo(dtype).max
    low, high = sorted(data.draw(st.integers(0, peak)) for _ in range(2))
    pixels = rng.integers(low, high, (height, width, 3), dtype=dtype, endpoint=True)
    # A photo is not always in one piece, nor writeable.
    pixels = np.pad(pixels, ((1, 2), (3, 1), (0, 0)))[1:-2, 3:-1]
    pixels.flags.writeable = False
    side = data.draw(st.integers(1, min(height, width)))
    tops = np.sort(rng.integers(0, height - side + 1, 3))
    lefts = np.sort(rng.integers(0, width - side + 1, 2))
    rows = np.unique(np.concatenate([tops, tops + side]))
    columns = np.unique(np.concatenate([lefts, lefts + side, [0, width]]))
    sums = sum_cells(pixels, rows, columns).over(tops, lefts, side)
    assert sums.dtype == np.int64 and sums.shape == (10, 3, 2)
    for i, top in enumerate(tops):
        for j, left in enumerate(lefts):
            assert sums[:, i, j].tolist() == _naive(pixels[top : top + side, left : left + side])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("height", "width"), [(300, 270), (12, 40_000), (900, 6)])
def test_sum_cells_is_exact_where_single_precision_is_not(
    dtype: type, height: int, width: int
) -> None:
    peak = int(np.iinfo(dtype).max)
    pixels = np.full((height, width, 3), peak, dtype)
    pixels[::7, ::5, 1] -= 2
    side = min(height, width)
    rows, columns = np.array([0, height]), np.array([0, side, width])[: 2 + (side < width)]
    grid = sum_cells(pixels, rows, columns)
    whole = grid.integrals[:, -1, -1].tolist()
    count, fewer = height * width, len(range(0, height, 7)) * len(range(0, width, 5))
    assert whole[SUMS] == [count * peak, count * peak - 2 * fewer, count * peak]
    assert whole[SQUARES][0] == count * peak**2 > 2**24
    assert whole[SQUARES][1] == (count - fewer) * peak**2 + fewer * (peak - 2) ** 2
    assert whole[PRODUCTS] == [
        count * peak**2 - 2 * fewer * peak,
        count * peak**2 - 2 * fewer * peak,
        count * peak**2,
    ]
    assert whole[CLIPPED] == count


def test_sum_cells_counts_pixels_clipped_in_any_channel_once() -> None:
    for dtype in (np.uint8, np.uint16):
        peak = np.iinfo(dtype).max
        pixels = np.full((5, 6, 3), 7, dtype)
        pixels[0, 0] = peak
        pixels[1, 2, 1] = 0
        pixels[1, 3] = 0, peak, 7
        pixels[2, 2] = 1, peak - 1, 7
        grid = sum_cells(pixels, np.array([0, 1, 5]), np.array([0, 3, 6]))
        assert grid.integrals[CLIPPED, 1:, 1:].tolist() == [[1, 1], [2, 3]]
