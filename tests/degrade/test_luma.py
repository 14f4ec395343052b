from __future__ import annotations

import numpy as np
import pytest

from degrade.arrays import round_levels, round_to_u8
from degrade.errors import InvalidValueError
from degrade.luma import LUMA_WEIGHTS, luma, luma_fast, luma_rounded, luma_studio


def test_luma_studio_is_bt_601_s() -> None:
    colours = np.array([[[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]]])
    expected = [16, 235, 81.481, 144.553, 40.966]
    np.testing.assert_allclose(luma_studio(colours.astype(np.uint8))[0], expected, atol=1e-9)
    np.testing.assert_allclose(luma_studio(colours / 255)[0], expected, atol=1e-9)


def test_luma_studio_refuses_what_is_no_image() -> None:
    image = np.zeros((12, 20, 3))
    with pytest.raises(InvalidValueError, match=r"\(H, W, 3\)"):
        luma_studio(image[..., 0])
    with pytest.raises(InvalidValueError, match="uint16"):
        luma_studio(image.astype(np.uint16))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_luma_variants_are_one_but_for_rounding(
    dtype: type[np.unsignedinteger], rng: np.random.Generator
) -> None:
    peak = np.iinfo(dtype).max
    rgb = rng.integers(0, peak, (150, 90, 3), dtype, endpoint=True)
    exact = rgb.astype(np.float64) @ np.array(LUMA_WEIGHTS)
    assert np.abs(luma_rounded(rgb) - exact).max() <= 0.5 + 1e-9 * peak
    assert np.abs(luma_fast(rgb).astype(np.float64) - exact).max() < (0.51 if peak == 255 else 3)
    np.testing.assert_allclose(luma(rgb.astype(np.float32)), exact, rtol=1e-6)
    assert luma_rounded(rgb).dtype == luma_fast(rgb).dtype == dtype
    studio = luma_studio(rgb.astype(np.float64) / peak)
    np.testing.assert_allclose((studio - 16) / 219, exact / peak, atol=1e-6)


def test_luma_sums_its_weights_to_one() -> None:
    assert sum(LUMA_WEIGHTS) == pytest.approx(1, abs=1e-15)


def test_round_levels_rounds_halves_to_even_and_clips() -> None:
    levels = np.array([-np.inf, -0.6, 0.5, 1.5, 254.5, 255.5, 65535.4, np.inf])
    assert round_to_u8(levels).tolist() == [0, 0, 0, 2, 254, 255, 255, 255]
    assert round_levels(levels, np.uint16).tolist() == [0, 0, 0, 2, 254, 256, 65535, 65535]
