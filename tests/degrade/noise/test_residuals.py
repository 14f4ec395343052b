from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.noise.residuals import channel_means, residual_of, tile_residual


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_residual_of_is_what_is_left_without_the_means(
    rng: np.random.Generator, dtype: type[np.unsignedinteger]
) -> None:
    peak = np.iinfo(dtype).max
    pixels = rng.integers(0, peak, (24, 24, 3), dtype=dtype, endpoint=True)
    means = channel_means(pixels)
    np.testing.assert_allclose(means, pixels.mean(axis=(0, 1), dtype=np.float64), rtol=1e-15)
    residual = residual_of(pixels, means)
    np.testing.assert_array_equal(residual, ((pixels - means) / peak).astype(np.float32))
    # A window of the pixels gives the same window of the residual.
    window = residual_of(pixels[3:9, 4:20], means)
    np.testing.assert_array_equal(window, residual[3:9, 4:20])


def test_tile_residual_crops_what_fits(rng: np.random.Generator) -> None:
    residual = rng.standard_normal((12, 12, 3)).astype(np.float32)
    assert np.array_equal(tile_residual(residual, 3, 4, 9, 8), residual[3:12, 4:12])
    assert np.array_equal(tile_residual(residual, 0, 0, 12, 12), residual)


@settings(deadline=None)
@given(st.integers(0, 4), st.integers(0, 4), st.integers(1, 23), st.integers(1, 23))
def test_tile_residual_goes_on_by_mirroring(top: int, left: int, height: int, width: int) -> None:
    residual = np.random.default_rng(2).standard_normal((5, 5, 3)).astype(np.float32)
    endless = np.pad(residual, ((0, 45), (0, 45), (0, 0)), mode="symmetric")
    window = tile_residual(residual, top, left, height, width)
    assert np.array_equal(window, endless[top : top + height, left : left + width])
