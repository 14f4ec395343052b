from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.degradation import downsampling
from degrade.degradation.downsampling import PreparedImage, fine_taps, integer_taps
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, as_scale, hr_unit
from degrade.kernels import (
    BlurKernel,
    bicubic_kernel,
    downsample,
    gaussian_kernel,
    repair_kernel,
)
from degrade.resample import imresize, mirror_indices
from tests.compiled_forms import all_forms
from tests.rounding import gamma

in_all_forms = all_forms(downsampling)


def _kernel(size: int, scale: int, seed: int) -> BlurKernel:
    """A lopsided kernel with negative lobes."""
    rng = np.random.default_rng(seed)
    size = max(size, 2 * scale + 5)
    base = gaussian_kernel(size, scale, (0.3 * size, 0.15 * size), rng.uniform(0, 3)).weights
    ragged = base * rng.uniform(0.2, 1.8, base.shape) - 0.3 * base * rng.random()
    ragged[:, :2] -= 0.02 * base.max()
    return repair_kernel(ragged, scale)[0]


def _downsample(
    image_u8: np.ndarray, kernel: BlurKernel, box: Any = None, *, finely: bool = True
) -> np.ndarray:
    prepared = PreparedImage(image_u8, kernel.scale, kernel.size // 2)
    return prepared.downsample(kernel, box or (0, 0, *image_u8.shape[:2]), finely=finely)


def _by_integers(
    image_u8: np.ndarray, kernel: BlurKernel, box: Any, *, finely: bool = True
) -> np.ndarray:
    """The definition, in 64-bit integers, border by border."""
    taps, unit = integer_taps(kernel.weights)
    if finely:
        fine, finer = fine_taps(kernel.weights, taps, unit)
        taps, unit = taps * finer + fine, unit * finer
    top, left, height, width = box
    total = np.zeros((height // kernel.scale, width // kernel.scale, image_u8.shape[2]), np.int64)
    for i, j in np.ndindex(*taps.shape):
        rows = np.arange(top, top + height, kernel.scale) + i - kernel.size // 2
        columns = np.arange(left, left + width, kernel.scale) + j - kernel.size // 2
        rows = mirror_indices(rows, image_u8.shape[0])
        columns = mirror_indices(columns, image_u8.shape[1])
        total += taps[i, j] * image_u8[rows[:, None], columns].astype(np.int64)
    return (total / unit).astype(np.float32)


@settings(max_examples=60, deadline=None)
@given(
    size=st.sampled_from([3, 9, 13, 21, 25, 33]),
    scale=st.integers(2, 5),
    steps=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    seed=st.integers(0, 10**6),
    finely=st.booleans(),
)
def test_downsample_equals_integer_arithmetic(
    size: int, scale: int, steps: tuple[int, int], seed: int, finely: bool
) -> None:
    rng = np.random.default_rng(seed)
    height, width = (step * scale for step in steps)
    top, left = (int(n) for n in rng.integers(0, 9, 2))
    # Black and white: the largest sums there can be.
    image = rng.choice([0, 255, 77], (top + height + 3, left + width + 1, 3)).astype(np.uint8)
    before = image.copy()
    kernel, box = _kernel(size, scale, seed), (top, left, height, width)
    lr = _downsample(image, kernel, box, finely=finely)
    assert lr.dtype == np.float32
    np.testing.assert_array_equal(lr, _by_integers(image, kernel, box, finely=finely))
    np.testing.assert_array_equal(image, before)


def _black_and_white(scale: Scale, seed: int = 0) -> np.ndarray:
    side = hr_unit(scale) * -(-60 // hr_unit(scale))
    return np.random.default_rng(seed).choice([0, 255], (side, side, 3)).astype(np.uint8)


@pytest.mark.parametrize("text", ["2", "3", "4", "8", "1.5", "2.5", "2.7", "7/3"])
def test_downsample_equals_float64_sums_to_1e_4_levels(text: str) -> None:
    scale = as_scale(text)
    image = _black_and_white(scale)  # of all images those where rounding the taps shows most
    for size in (21, 25):
        kernel = gaussian_kernel(size, scale, (0.8 * float(scale), 0.4 * float(scale)), 0.7)
        exact = downsample(image.astype(np.float32), kernel)
        assert np.abs(_downsample(image, kernel) - exact).max() < 1e-4


@pytest.mark.parametrize("text", ["2", "3", "4", "2.5"])
def test_downsample_with_coarse_taps_is_off_as_earlier_versions_were(text: str) -> None:
    scale = as_scale(text)
    image = _black_and_white(scale)
    kernel = gaussian_kernel(25, scale, (float(scale), 0.5 * float(scale)), 0.3)
    exact = downsample(image.astype(np.float32), kernel)
    difference = _downsample(image, kernel, finely=False) - exact
    assert 0.005 < np.abs(difference).max() < 0.08
    assert difference.std() < 3e-4 * image.std()


@pytest.mark.parametrize("text", ["1.5", "2.7", "7/3"])
def test_downsample_at_ratios_of_a_part_is_that_part_of_the_whole(text: str) -> None:
    scale = as_scale(text)
    image = np.random.default_rng(1).integers(0, 256, (4 * scale.numerator,) * 2 + (3,), np.uint8)
    kernel = gaussian_kernel(21, scale, (1.4, 0.8), 0.7)
    whole = _downsample(image, kernel)
    n, d = scale.numerator, scale.denominator
    part = _downsample(image, kernel, (n, 2 * n, 3 * n, 2 * n))
    np.testing.assert_array_equal(part, whole[d:, 2 * d :])


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


@settings(max_examples=40, deadline=None)
@given(size=st.sampled_from([3, 13, 25, 65]), seed=st.integers(0, 1000))
def test_fine_taps_say_what_the_coarse_ones_miss_and_leave_room(size: int, seed: int) -> None:
    weights = _kernel(size, 2, seed).weights.astype(np.float64)
    taps, unit = integer_taps(weights)
    fine, finer = fine_taps(weights, taps, unit)
    assert fine.sum() == 0
    assert 128 * np.abs(fine).sum() <= 2**24
    exact = weights / weights.sum() * unit
    assert np.abs(taps + fine / finer - exact).max() <= 1 / finer
    assert 2**6 <= finer <= 2**12


def test_fine_taps_are_none_where_the_coarse_ones_are_exact() -> None:
    weights = bicubic_kernel(2).weights
    taps, unit = integer_taps(weights)
    assert not fine_taps(weights, taps, unit)[0].any()


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
