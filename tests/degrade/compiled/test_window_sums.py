from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.compiled.window_sums import PLANES, sum_columns, sum_over_cells


def _photo(data: Any, rows: int, columns: int) -> np.ndarray:
    """A part of a photo: not in one piece."""
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    low, high = sorted(data.draw(st.integers(0, 255)) for _ in range(2))
    whole = rng.integers(low, high, (rows + 1, columns + 3, 3), np.uint8, endpoint=True)
    return whole[1:, 2:-1]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), rows=st.integers(1, 150), columns=st.integers(1, 300))
def test_sum_over_cells_adds_up_each_cell(data: Any, rows: int, columns: int) -> None:
    pixels = _photo(data, rows, columns)
    edges = [
        np.array(sorted(data.draw(st.sets(st.integers(0, side), min_size=2, max_size=6))))
        for side in (rows, columns)
    ]
    found = sum_over_cells(pixels, *edges)
    assert found.dtype == np.int64
    assert found.shape == (PLANES, len(edges[0]) - 1, len(edges[1]) - 1)
    r, g, b = np.moveaxis(pixels.astype(np.int64), 2, 0)
    clipped = ((pixels == 0) | (pixels == 255)).any(axis=2)
    for i, j in np.ndindex(found.shape[1:]):
        cell = (slice(*edges[0][i : i + 2]), slice(*edges[1][j : j + 2]))
        planes = (r, g, b, r * r, g * g, b * b, r * g, g * b, b * r, clipped)
        assert found[:, i, j].tolist() == [int(plane[cell].sum()) for plane in planes]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), rows=st.integers(1, 40), columns=st.integers(1, 60))
def test_sum_columns_adds_up_each_column(data: Any, rows: int, columns: int) -> None:
    _require_column_sums(_photo(data, rows, columns))


@pytest.mark.parametrize("rows", [1023, 1024, 1025, 2600])
def test_sum_columns_is_exact_for_the_brightest_and_most_rows(rows: int) -> None:
    strip = np.full((rows, 5, 3), 255, np.uint8)
    strip[::2, ::2] = 0
    _require_column_sums(strip)


def _require_column_sums(strip: np.ndarray) -> None:
    grey = strip.astype(np.int64) @ [1, 2, 1]
    found = sum_columns(strip)
    along = np.pad(np.diff(grey, axis=1) ** 2, ((0, 0), (0, 1)))
    wanted = [
        grey.sum(axis=0),
        (grey**2).sum(axis=0),
        np.arange(len(grey)) @ grey,
        along.sum(axis=0),
        (np.diff(grey, axis=0) ** 2).sum(axis=0),
    ]
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, wanted)
