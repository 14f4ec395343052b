"""Downsampling by a kernel is correlation and sampling, at borders and in boxes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError
from degrade.kernels import (
    BlurKernel,
    bicubic_kernel,
    downsample,
    gaussian_kernel,
)
from tests.degrade.kernels.kernel_strategies import gaussians
from tests.rounding import gamma

SAME = gamma(2)
"""Between two results on [0, 1] that were both added up in float64, then rounded to float32."""


def naive_downsample(image: FloatArray, kernel: BlurKernel, mode: str) -> FloatArray:
    """Correlate by the definition, one output pixel at a time."""
    half, scale = kernel.size // 2, kernel.scale
    padded = np.pad(image.astype(np.float64), half, mode=mode)  # type: ignore[call-overload]
    rows, columns = (side // scale for side in image.shape)
    result = np.empty((rows, columns))
    for row in range(rows):
        for column in range(columns):
            top, left = row * scale, column * scale
            window = padded[top : top + kernel.size, left : left + kernel.size]
            result[row, column] = (window * kernel.weights).sum()
    return result.astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(kernel=gaussians(), value=st.floats(0, 1), border=st.sampled_from(["mirror", "wrap"]))
def test_downsample_keeps_a_constant_image(kernel: BlurKernel, value: float, border: str) -> None:
    side = 6 * kernel.scale
    image = np.full((side, side, 3), value, np.float32)
    lr = downsample(image, kernel, border=border)  # type: ignore[arg-type]
    assert lr.shape == (6, 6, 3) and lr.dtype == np.float32
    # Of weights whose sum is 1 but for their rounding, to float32 again.
    np.testing.assert_allclose(lr, np.float32(value), rtol=gamma(3))


@settings(max_examples=25, deadline=None)
@given(kernel=gaussians(), seed=st.integers(0, 100), border=st.sampled_from(["mirror", "wrap"]))
def test_downsample_is_correlation_and_sampling(kernel: BlurKernel, seed: int, border: str) -> None:
    shape = (7 * kernel.scale, 9 * kernel.scale)
    image = np.random.default_rng(seed).random(shape).astype(np.float32)
    before = image.copy()
    expected = naive_downsample(image, kernel, "symmetric" if border == "mirror" else "wrap")
    found = downsample(image, kernel, border=border)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, expected, rtol=0, atol=SAME)
    np.testing.assert_array_equal(image, before)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), kernel=gaussians())
def test_downsample_of_a_box_is_the_crop_of_the_whole(
    data: st.DataObject, kernel: BlurKernel
) -> None:
    scale = kernel.scale
    image = np.random.default_rng(0).random((16 * scale, 13 * scale, 3)).astype(np.float32)
    whole = downsample(image, kernel)
    top, left = data.draw(st.integers(0, 14)), data.draw(st.integers(0, 11))
    rows, columns = data.draw(st.integers(1, 16 - top)), data.draw(st.integers(1, 13 - left))
    box = (top * scale, left * scale, rows * scale, columns * scale)
    crop = downsample(image, kernel, box=box)
    np.testing.assert_array_equal(crop, whole[top : top + rows, left : left + columns])


def test_downsample_box_may_lie_off_the_grid(rng: np.random.Generator) -> None:
    image = rng.random((40, 44)).astype(np.float32)
    kernel = gaussian_kernel(9, 2, (1.0, 1.5))
    crop = downsample(image, kernel, box=(7, 5, 20, 24))
    np.testing.assert_allclose(
        crop, downsample(image[1:, 1:][:-1, :-1], kernel)[3:13, 2:14], rtol=0, atol=SAME
    )


@pytest.mark.parametrize("border", ["mirror", "wrap"])
def test_downsample_of_images_smaller_than_the_kernel(border: str) -> None:
    image = np.random.default_rng(0).random((4, 4)).astype(np.float32)
    kernel = gaussian_kernel(21, 2, (2.0, 2.0))
    mode = "symmetric" if border == "mirror" else "wrap"
    found = downsample(image, kernel, border=border)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, naive_downsample(image, kernel, mode), rtol=0, atol=SAME)


@pytest.mark.parametrize(
    "box", [(0, 0, 5, 4), (0, 0, 0, 4), (-2, 0, 4, 4), (10, 0, 4, 4), (0, 10, 4, 4)]
)
def test_downsample_refuses_other_boxes(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(InvalidValueError):
        downsample(np.zeros((12, 12, 3), np.float32), bicubic_kernel(2), box=box)


def test_downsample_refuses_sides_that_the_scale_does_not_divide() -> None:
    with pytest.raises(InvalidValueError, match="each side must be a multiple of 2, got 11×12"):
        downsample(np.zeros((11, 12, 3), np.float32), bicubic_kernel(2))
