"""Statistics of windows are those of NumPy in double precision, window by window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.noise.window_statistics import measure_windows

FIELDS = ("means", "variances", "clipped", "structure", "unevenness")


def _naive(window: np.ndarray) -> dict[str, float]:
    peak, size = np.iinfo(window.dtype).max, len(window)
    grey = window.astype(np.float64) @ np.array([0.299, 0.587, 0.114]) * 255 / peak
    block = size // 4
    blocks = np.array(
        [
            window[i * block : (i + 1) * block, j * block : (j + 1) * block].astype(np.float64)
            for i in range(4)
            for j in range(4)
        ]
    )
    variances, means = blocks.var(axis=(1, 2)), blocks.mean(axis=(1, 2))
    within, between = variances.mean(axis=0), means.var(axis=0)
    structure = [
        most / mean if mean > 1e-9 else 1.0
        for most, mean in zip(variances.max(axis=0), within, strict=True)
    ]
    unevenness = [
        b / (b + w) if b + w > 1e-9 else 0.0 for b, w in zip(between, within, strict=True)
    ]
    clipped = ((window == 0) | (window == peak)).any(axis=2).mean()
    return {
        "means": grey.mean(),
        "variances": grey.var(),
        "clipped": clipped,
        "structure": max(structure),
        "unevenness": max(unevenness),
    }


def _assert_naive(pixels: np.ndarray, tops: np.ndarray, lefts: np.ndarray, size: int) -> None:
    found = measure_windows(pixels, tops, lefts, size)
    for i, top in enumerate(tops):
        for j, left in enumerate(lefts):
            wanted = _naive(pixels[top : top + size, left : left + size])
            for name in FIELDS:
                value = getattr(found, name)[i, j]
                assert value == pytest.approx(wanted[name], rel=1e-7, abs=1e-8), name


@settings(max_examples=40)
@given(data=st.data())
def test_measure_windows_equals_naive_statistics(data: Any) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    size = data.draw(st.integers(4, 40))
    height, width = (size + data.draw(st.integers(0, 30)) for _ in range(2))
    stride = data.draw(st.integers(1, 45))
    dtype = data.draw(st.sampled_from([np.uint8, np.uint16]))
    peak = np.iinfo(dtype).max
    level, sigma = data.draw(st.floats(0, 1)), data.draw(st.sampled_from([0, 1e-3, 0.02, 0.3]))
    values = rng.normal(level, sigma, (height, width, 3)) * peak
    pixels = np.rint(values.clip(0, peak)).astype(dtype)
    tops, lefts = np.arange(0, height - size + 1, stride), np.arange(0, width - size + 1, stride)
    lefts = np.union1d(lefts, [width - size])
    _assert_naive(pixels, tops, lefts, size)


def test_measure_windows_is_exact_on_bright_windows_of_256_pixels() -> None:
    # Sums of squares over such windows are past 2^32: single precision and 32 bits lose them.
    rng = np.random.default_rng(0)
    for dtype in (np.uint8, np.uint16):
        peak = np.iinfo(dtype).max
        pixels = peak - rng.integers(0, 2, (300, 290, 3), dtype=dtype)
        _assert_naive(pixels, np.array([0, 17, 44]), np.array([0, 34]), 256)
        found = measure_windows(pixels, np.array([0]), np.array([0, 34]), 256)
        assert found.variances[0] == pytest.approx(
            (0.299**2 + 0.587**2 + 0.114**2) / 4 * (255 / peak) ** 2, rel=0.02
        )


@settings(max_examples=20)
@given(level=st.integers(0, 255), size=st.integers(4, 300), deep=st.booleans())
def test_measure_windows_of_a_plain_photo_finds_exactly_nothing(
    level: int, size: int, deep: bool
) -> None:
    colour = np.array([level, 255 - level, level // 3]) * (257 if deep else 1)
    pixels = np.broadcast_to(colour, (size + 3, size, 3)).astype(np.uint16 if deep else np.uint8)
    found = measure_windows(pixels, np.array([0, 3]), np.array([0]), size)
    assert (found.variances == 0).all() and (found.unevenness == 0).all()
    assert (found.structure == 1).all()


def test_measure_windows_of_many_rows_equals_that_of_each_row(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (220, 40, 3), dtype=np.uint8)
    lefts = np.array([0, 3, 31])
    tops = np.arange(0, 211)  # more than are measured at once
    found = measure_windows(pixels, tops, lefts, 9)
    for top in (0, 1, 63, 64, 65, 128, 210):
        one = measure_windows(pixels, np.array([top]), lefts, 9)
        for name in FIELDS:
            np.testing.assert_array_equal(getattr(found, name)[top], getattr(one, name)[0])


def test_measure_windows_does_not_depend_on_what_lies_outside(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, (100, 90, 3), dtype=np.uint8)
    crop = pixels[20:60, 30:70]
    found = measure_windows(pixels, np.array([20, 28]), np.array([0, 30, 38, 58]), 32)
    alone = measure_windows(crop, np.array([0, 8]), np.array([0, 8]), 32)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(found, name)[:, 1:3], getattr(alone, name))
