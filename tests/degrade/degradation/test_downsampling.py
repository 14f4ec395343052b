from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.degradation import downsampling
from degrade.degradation.downsampling import PreparedImage, integer_taps
from degrade.errors import InvalidValueError
from degrade.kernels import (
    BlurKernel,
    bicubic_kernel,
    downsample,
    gaussian_kernel,
    repair_kernel,
)
from degrade.resample import imresize, mirror_indices
from tests.compiled_forms import both_forms
from tests.rounding import gamma

in_both_forms = both_forms(downsampling)


def _kernel(size: int, scale: int, seed: int) -> BlurKernel:
    """A lopsided kernel with negative lobes."""
    rng = np.random.default_rng(seed)
    size = max(size, 2 * scale + 5)
    base = gaussian_kernel(size, scale, (0.3 * size, 0.15 * size), rng.uniform(0, 3)).weights
    ragged = base * rng.uniform(0.2, 1.8, base.shape) - 0.3 * base * rng.random()
    ragged[:, :2] -= 0.02 * base.max()
    return repair_kernel(ragged, scale)[0]


def _downsample(image_u8: np.ndarray, kernel: BlurKernel, box: Any = None) -> np.ndarray:
    prepared = PreparedImage(image_u8, kernel.scale, kernel.size // 2)
    return prepared.downsample(kernel, box or (0, 0, *image_u8.shape[:2]))


def _by_integers(image_u8: np.ndarray, kernel: BlurKernel, box: Any) -> np.ndarray:
    """The definition, in 64-bit integers, border by border."""
    taps, unit = integer_taps(kernel.weights)
    top, left, height, width = box
    total = np.zeros((height // kernel.scale, width // kernel.scale, image_u8.shape[2]), np.int64)
    for i, j in np.ndindex(*taps.shape):
        rows = np.arange(top, top + height, kernel.scale) + i - kernel.size // 2
        columns = np.arange(left, left + width, kernel.scale) + j - kernel.size // 2
        rows = mirror_indices(rows, image_u8.shape[0])
        columns = mirror_indices(columns, image_u8.shape[1])
        total += taps[i, j] * image_u8[rows[:, None], columns].astype(np.int64)
    return total / unit


@settings(max_examples=60, deadline=None)
@given(
    size=st.sampled_from([3, 9, 13, 21, 25, 33]),
    scale=st.integers(2, 5),
    steps=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    seed=st.integers(0, 10**6),
)
def test_downsample_equals_integer_arithmetic(
    size: int, scale: int, steps: tuple[int, int], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    height, width = (step * scale for step in steps)
    top, left = (int(n) for n in rng.integers(0, 9, 2))
    # Black and white: the largest sums there can be.
    image = rng.choice([0, 255, 77], (top + height + 3, left + width + 1, 3)).astype(np.uint8)
    before = image.copy()
    kernel, box = _kernel(size, scale, seed), (top, left, height, width)
    lr = _downsample(image, kernel, box)
    assert lr.dtype == np.float32
    np.testing.assert_array_equal(lr, _by_integers(image, kernel, box))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_downsample_is_downsample_up_to_the_rounding_of_the_kernel(scale: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 72, 3), np.uint8)
    kernel = _kernel(25, scale, 5)
    exact = downsample(image.astype(np.float32), kernel)
    difference = _downsample(image, kernel) - exact
    assert np.abs(difference).max() < 0.05
    assert difference.std() < 3e-4 * image.std()


def test_downsample_of_the_bicubic_kernel_is_imresize() -> None:
    """At ½ the weights are multiples of 2⁻¹⁶, so that nothing is rounded at all."""
    image = np.random.default_rng(0).integers(0, 256, (46, 70, 3), np.uint8)
    half = imresize(image.astype(np.float32), 0.5)
    allowed = gamma(1) * np.abs(half).max()  # of imresize, which rounds its float64 sums
    np.testing.assert_allclose(_downsample(image, bicubic_kernel(2)), half, rtol=0, atol=allowed)


def test_downsample_keeps_flat_areas_exactly() -> None:
    for level in (0, 1, 128, 254, 255):
        flat = np.full((24, 24, 3), level, np.uint8)
        assert (_downsample(flat, _kernel(21, 4, 1)) == level).all()


def test_downsample_does_not_depend_on_vector_instructions() -> None:
    image = np.random.default_rng(3).integers(0, 256, (300, 300, 3), np.uint8)
    kernel = _kernel(25, 2, 8)
    fast = _downsample(image, kernel)
    cv2.setUseOptimized(False)
    try:
        plain = _downsample(image, kernel)
    finally:
        cv2.setUseOptimized(True)
    np.testing.assert_array_equal(fast, plain)


@pytest.mark.parametrize("box", [(0, 0, 5, 4), (-2, 0, 4, 4), (10, 0, 4, 4), (0, 0, 0, 4)])
def test_downsample_refuses_other_boxes(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(InvalidValueError):
        _downsample(np.zeros((12, 12, 3), np.uint8), bicubic_kernel(2), box)


@settings(max_examples=40, deadline=None)
@given(size=st.sampled_from([3, 13, 25, 65]), seed=st.integers(0, 1000))
def test_integer_taps_are_close_keep_the_sum_and_leave_room(size: int, seed: int) -> None:
    weights = _kernel(size, 2, seed).weights.astype(np.float64)
    taps, unit = integer_taps(weights)
    assert taps.sum() == unit
    assert np.abs(taps - weights * unit).max() <= 1
    assert 128 * np.abs(taps).sum() <= 2**24


def test_integer_taps_give_way_to_large_lobes_and_refuse_what_cannot_be_exact() -> None:
    lobes = np.zeros((3, 3))
    lobes[1] = [-20, 41, -20]
    taps, unit = integer_taps(lobes)
    assert unit == 1024
    np.testing.assert_array_equal(taps, lobes * unit)
    with pytest.raises(InvalidValueError, match="too large"):
        integer_taps(np.full((401, 401), 1 / 401**2))


def test_downsample_gives_the_same_in_one_band_or_many(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(3).integers(0, 256, (150, 90, 3), np.uint8)
    kernel = _kernel(13, 3, 4)
    whole = _downsample(image, kernel)
    for rows in (1, 7, 50):
        monkeypatch.setattr(downsampling, "_BAND", rows * 30)
        monkeypatch.setattr(downsampling, "_STRIP", rows)
        np.testing.assert_array_equal(_downsample(image, kernel), whole)
    np.testing.assert_array_equal(whole, _by_integers(image, kernel, (0, 0, 150, 90)))
