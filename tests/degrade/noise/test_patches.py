from __future__ import annotations

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.noise import (
    NoisePatch,
    extract_noise_patches,
    search_noise_patches,
    take_patches,
)
from tests.degrade.noise.naive_search import (
    noisy_photo,
    open_selection,
)


def test_take_patches_takes_what_is_kept(rng: np.random.Generator) -> None:
    pixels = noisy_photo(rng)
    search = search_noise_patches(pixels, open_selection(stride=4, max_patches=7))
    patches = take_patches(pixels, search, source="photo")
    assert [patch.box for patch in patches] == search.boxes and len(patches) == 7
    for patch in patches:
        grey = patch.pixels @ np.array([0.299, 0.587, 0.114])
        assert patch.variance == pytest.approx(grey.var())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_residuals_have_zero_mean_and_the_noise_of_the_photo(
    rng: np.random.Generator, dtype: type
) -> None:
    peak = np.iinfo(dtype).max
    noise = rng.normal(0, [1, 2, 3], (64, 64, 3)) / 255
    pixels = np.rint((np.array([0.2, 0.5, 0.7]) + noise) * peak).astype(dtype)
    (patch,) = extract_noise_patches(pixels, open_selection(patch_size=64), source="photo")
    residual = patch.residual
    assert residual.dtype == np.float32
    assert np.abs(residual.mean(axis=(0, 1), dtype=np.float64)).max() < 1e-7
    assert np.allclose(residual.std(axis=(0, 1)) * 255, [1, 2, 3], rtol=0.08)
    assert np.abs(residual * 255).max() < 16
    restored = residual.astype(np.float64) * peak + pixels.mean(axis=(0, 1))
    assert np.array_equal(np.rint(restored), pixels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_residuals_are_the_rounded_differences_to_the_bit(
    rng: np.random.Generator, dtype: type
) -> None:
    peak = np.iinfo(dtype).max
    pixels = rng.integers(0, peak, (40, 40, 3), dtype=dtype, endpoint=True)
    means = pixels.mean(axis=(0, 1), dtype=np.float64)
    wanted = ((pixels.astype(np.float64) - means) / peak).astype(np.float32)
    patch = NoisePatch(pixels, 1.0, 1.0, "photo", (0, 0, 40, 40))
    np.testing.assert_array_equal(patch.residual, wanted)
    assert patch.residual.dtype == np.float32


def test_patches_never_alias_the_photo(rng: np.random.Generator) -> None:
    pixels = noisy_photo(rng)
    before = pixels.copy()
    patches = extract_noise_patches(pixels, open_selection(), source="photo")
    assert np.array_equal(pixels, before)
    for patch in patches:
        assert not np.shares_memory(patch.pixels, pixels)
        top, left, height, width = patch.box
        assert np.array_equal(patch.pixels, before[top : top + height, left : left + width])
        with pytest.raises(ValueError, match="read-only"):
            patch.pixels[0, 0] = 0
    kept = [patch.pixels.copy() for patch in patches]
    pixels[:] = 0
    assert all(np.array_equal(patch.pixels, old) for patch, old in zip(patches, kept, strict=True))


def test_take_patches_states_what_was_measured(rng: np.random.Generator) -> None:
    pixels = noisy_photo(rng)
    selection = open_selection(max_variance=4.0)
    search = search_noise_patches(pixels, selection)
    assert 0 < len(search.boxes) < search.variances.size
    for patch in take_patches(pixels, search, source="photo"):
        grey = patch.pixels @ np.array([0.299, 0.587, 0.114])
        assert patch.variance == pytest.approx(grey.var())
        assert patch.brightness == pytest.approx(grey.mean())
        assert patch.source == "photo"


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((8, 9, 3), np.uint8),
        np.zeros((7, 7, 3), np.uint8),
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 3), np.float32),
    ],
)
def test_noise_patch_refuses_other_arrays(pixels: np.ndarray) -> None:
    with pytest.raises(InvalidValueError, match="got"):
        NoisePatch(pixels, 1.0, 1.0, "photo", (0, 0, 8, 8))
