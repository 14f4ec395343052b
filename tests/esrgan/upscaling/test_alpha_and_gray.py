from __future__ import annotations

import numpy as np
import pytest

from degrade.resample import imresize
from esrgan.upscaling.alpha_and_gray import enlarge_channel, to_gray
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
def test_to_gray_leaves_equal_channels_alone_and_weighs_others(dtype: type) -> None:
    peak = np.iinfo(dtype).max
    levels = np.linspace(0, peak, 300).round().astype(dtype).reshape(100, 3)
    equal = np.repeat(levels[..., None], 3, axis=2)
    np.testing.assert_array_equal(to_gray(equal)[..., 0], levels)
    colours = np.eye(3, dtype=dtype)[None] * peak
    np.testing.assert_allclose(
        to_gray(colours).ravel() / peak, [0.299, 0.587, 0.114], rtol=0, atol=0.501 / peak
    )
