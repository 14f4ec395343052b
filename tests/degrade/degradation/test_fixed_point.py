from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from degrade.arrays import FloatArray
from degrade.degradation.fixed_point import (
    Interpolation,
    correlate_levels,
    resize_levels,
    whole_taps,
)
from degrade.errors import InvalidValueError

ALL: tuple[Interpolation, ...] = ("area", "bilinear", "bicubic")


def make_levels(height: int, width: int, seed: int = 0) -> FloatArray:
    """Return levels of 24 bits that are the same on every machine."""
    words = np.random.PCG64(seed).random_raw(height * width * 3) >> np.uint64(40)
    return (words.astype(np.float32) / np.float32(2**16)).reshape(height, width, 3)


def digest(levels: FloatArray) -> str:
    return hashlib.sha256(levels.astype("<f4").tobytes()).hexdigest()[:16]


def test_whole_taps_keep_the_sum() -> None:
    for seed in range(20):
        weights = np.random.default_rng(seed).random((7, 5)) - 0.2
        taps = whole_taps(weights)
        assert taps.sum() == 2**16 and np.array_equal(taps, np.rint(taps))
        assert np.abs(taps / 2**16 - weights / weights.sum()).max() < 20 / 2**16


@pytest.mark.parametrize("shape", [(40, 50), (3, 4), (1, 1), (21, 2)])
def test_correlate_levels_is_a_correlation_with_mirrored_borders(shape: tuple[int, int]) -> None:
    levels = make_levels(*shape)
    weights = np.random.default_rng(1).random((9, 5))
    taps = whole_taps(weights)
    found = correlate_levels(levels, taps)
    wanted = ndimage.correlate(levels.astype(float), taps[..., None] / 2**16, mode="reflect")
    assert found.dtype == np.float32 and found.shape == levels.shape
    assert np.abs(found - wanted).max() < 1 / 256


def test_correlate_levels_is_exact_however_it_is_transformed() -> None:
    levels = make_levels(300, 200)
    taps = whole_taps(np.random.default_rng(2).random((21, 21)) - 0.3)
    found = correlate_levels(levels, taps).astype(np.float64)
    fixed = np.rint(levels.astype(np.float64) * 256).astype(np.int64)
    total = ndimage.correlate(fixed, taps.astype(np.int64)[..., None], mode="reflect")
    assert np.array_equal(found, (total / 2**24).astype(np.float32))


def test_fixed_point_gives_the_same_bits_everywhere() -> None:
    levels = make_levels(37, 53)
    rows, columns = np.mgrid[-3:4, -3:4]
    taps = whole_taps((8 - abs(rows)) * (8.0 - abs(columns)) - 2)
    assert digest(correlate_levels(levels, taps)) == "f7882dd8968c8d4f"
    found = {kind: digest(resize_levels(levels, 20, 71, kind)) for kind in ALL}
    assert found == {
        "area": "a2c73dbd60549764",
        "bilinear": "d006d54695a451bf",
        "bicubic": "f31f57f2a13661d3",
    }


@pytest.mark.parametrize("size", [(20, 25), (39, 51), (80, 100), (93, 17), (1, 1)])
def test_resize_levels_agrees_with_opencv(size: tuple[int, int]) -> None:
    levels = make_levels(40, 50)
    names = {"bilinear": cv2.INTER_LINEAR, "bicubic": cv2.INTER_CUBIC}
    if size[0] <= 40 and size[1] <= 50:
        names["area"] = cv2.INTER_AREA
    for kind, number in names.items():
        wanted = cv2.resize(levels, size[::-1], interpolation=number)
        found = resize_levels(levels, *size, kind)  # type: ignore[arg-type]
        # OpenCV computes in float32.
        assert np.abs(found - wanted).max() < 0.05, kind


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 50), st.integers(1, 50))
def test_resize_levels_keeps_flat_areas_and_the_middle(
    height: int, width: int, new_height: int, new_width: int
) -> None:
    flat = np.full((height, width, 3), 77.25, np.float32)
    ramp = np.broadcast_to(
        np.arange(width, dtype=np.float32)[None, :, None], (height, width, 3)
    ) - np.float32((width - 1) / 2)
    for kind in ALL:
        assert (resize_levels(flat, new_height, new_width, kind) == 77.25).all()
        # An odd function about the middle stays one: nothing is shifted.
        resized = resize_levels(ramp, new_height, new_width, kind)
        assert np.abs(resized + resized[:, ::-1]).max() < 0.01


def test_resize_levels_by_area_is_the_mean_of_what_is_covered() -> None:
    levels = make_levels(12, 18)
    wanted = levels.reshape(4, 3, 6, 3, 3).mean(axis=(1, 3))
    assert np.abs(resize_levels(levels, 4, 6, "area") - wanted).max() < 0.03
    assert np.abs(resize_levels(levels, 24, 36, "area")[::2, ::2] - levels).max() < 1 / 256


def test_resize_levels_refuses_no_pixels() -> None:
    with pytest.raises(InvalidValueError, match="must have pixels, got 0×5"):
        resize_levels(make_levels(4, 4), 0, 5, "area")
