from __future__ import annotations

import numpy as np
import pytest

from degrade.resample import imresize
from esrgan.upscaling.alpha_and_gray import enlarge_channel, fill_transparent, to_gray
from tests.making import make_scene


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(("scale", "height"), [(1, 5), (2, 1), (3, 150), (4, 70)])
def test_enlarge_channel_by_parts_is_the_whole_enlarged(
    dtype: type, scale: int, height: int
) -> None:
    peak = np.iinfo(dtype).max
    channel = np.rint(make_scene("channel", height, 9)[..., 0] * peak).astype(dtype)
    channel[0, 0], channel[-1, -1] = 0, peak
    whole = np.rint(np.clip(imresize(channel.astype(np.float32), scale), 0, peak)).astype(dtype)
    cut = height // 3
    parts = [enlarge_channel(channel, scale, 0, cut), enlarge_channel(channel, scale, cut, height)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_fill_transparent_takes_the_nearest_colour_that_is_seen(dtype: type) -> None:
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, np.iinfo(dtype).max, (30, 40, 3), endpoint=True, dtype=dtype)
    alpha = np.where(rng.random((30, 40)) < 0.8, 0, 7).astype(dtype)
    alpha[:, 20:] = 0
    alpha[5, 30] = 1
    filled = fill_transparent(pixels, alpha)
    seen = np.argwhere(alpha > 0)
    np.testing.assert_array_equal(filled[alpha > 0], pixels[alpha > 0])
    for row, column in np.argwhere(alpha == 0):
        far = np.hypot(*(seen - (row, column)).T)
        # OpenCV's distances by steps are off by some percent.
        near = seen[far <= far.min() * 1.06 + 0.01]
        assert any((filled[row, column] == pixels[y, x]).all() for y, x in near)
    hidden_changed = pixels.copy()
    hidden_changed[alpha == 0] = 99
    np.testing.assert_array_equal(fill_transparent(hidden_changed, alpha), filled)


def test_fill_transparent_leaves_whole_pictures_alone() -> None:
    pixels = make_scene("whole", 6, 7)
    for level in (0, 9):
        assert fill_transparent(pixels, np.full((6, 7), level, np.uint8)) is pixels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_to_gray_leaves_equal_channels_alone_and_weighs_others(dtype: type) -> None:
    peak = np.iinfo(dtype).max
    levels = np.linspace(0, peak, 300).round().astype(dtype).reshape(100, 3)
    equal = np.repeat(levels[..., None], 3, axis=2)
    np.testing.assert_array_equal(to_gray(equal)[..., 0], levels)
    colours = np.eye(3, dtype=dtype)[None] * peak
    np.testing.assert_allclose(
        to_gray(colours).ravel() / peak, [0.299, 0.587, 0.114], rtol=0, atol=0.501 / peak
    )
