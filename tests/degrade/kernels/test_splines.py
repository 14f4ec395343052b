from __future__ import annotations

import numpy as np
import pytest

from degrade.kernels import downsample, gaussian_kernel
from degrade.kernels.splines import BORDER, SamplingGrid
from tests.making import make_scene
from tests.rounding import gamma


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_sample_without_a_shift_is_downsampling(scale: int) -> None:
    hr = make_scene("sampling", 78 * scale, 90 * scale)
    kernel = gaussian_kernel(6 * scale + 1, scale, (0.7 * scale, 0.5 * scale), 0.3)
    lr = downsample(hr, kernel)
    grid = SamplingGrid.inside(lr.shape, scale)
    sampled = grid.blur(hr, kernel.weights).sample(np.zeros(2))
    # A sum of positive products with values on [0, 1], in float32.
    assert sampled == pytest.approx(grid.cut(lr), abs=gamma(kernel.size**2))


def test_sample_by_whole_pixels_is_another_pixel() -> None:
    hr = make_scene("sampling", 200, 220)
    grid = SamplingGrid.inside((100, 110), 2)
    blurred = grid.blur(hr, gaussian_kernel(13, 2, (1.0, 1.0)).weights)
    moved = grid.blur(np.roll(hr, (-1, 3), (0, 1)), gaussian_kernel(13, 2, (1.0, 1.0)).weights)
    found, expected = blurred.sample(np.array([1.0, -3.0])), moved.sample(np.zeros(2))
    assert found == pytest.approx(expected, abs=2 * gamma(13**2))


def test_inside_keeps_the_borders_out() -> None:
    grid = SamplingGrid.inside((101, 600), 2, largest=256)
    assert (grid.height, grid.width) == (68, 256)
    assert grid.top >= BORDER
    assert grid.top + grid.height <= 101 - BORDER
    assert grid.left == 172
