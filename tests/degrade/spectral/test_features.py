from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from degrade.compiled import is_compiled
from degrade.jpeg.blocks import block_bends
from degrade.spectral import features
from degrade.spectral.features import (
    SYMMETRIES,
    WINDOW_FEATURES,
    Symmetry,
    measure_photo,
    measure_windows,
)
from tests.rounding import gamma


def some_windows(rng: np.random.Generator, count: int = 4) -> np.ndarray:
    noise = ndimage.gaussian_filter(rng.standard_normal((count, 32, 32)), (0, 1.2, 1.8))
    # In float64: features are logarithms, of small powers beside large ones.
    return 128 + 200 * noise


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    """Compare features: the weights of the bins and of the taper, and the features, are float32.

    A sum of positive powers is off by as much as they are, and its logarithm by that.
    """
    allowed = gamma(8) + gamma(2) * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=allowed)


def seen(symmetry: Symmetry, image: np.ndarray) -> np.ndarray:
    if symmetry.mirrored:
        image = image[..., ::-1]
    if symmetry.transposed:
        image = image.swapaxes(-1, -2)
    return np.ascontiguousarray(image)


@pytest.mark.parametrize("index", range(4))
def test_measure_windows_of_a_mirrored_photo_are_permuted(
    index: int, rng: np.random.Generator
) -> None:
    windows, symmetry = some_windows(rng), SYMMETRIES[index]
    expected = measure_windows(windows)[:, symmetry.window_order]
    assert_same(measure_windows(seen(symmetry, windows)), expected)


def test_measure_windows_of_a_turned_photo_are_the_same(rng: np.random.Generator) -> None:
    windows = some_windows(rng)
    turned = np.ascontiguousarray(windows[:, ::-1, ::-1])
    assert_same(measure_windows(turned), measure_windows(windows))


@pytest.mark.parametrize("index", range(4))
def test_measure_photo_of_a_mirrored_photo_is_permuted(
    index: int, rng: np.random.Generator
) -> None:
    windows, symmetry = some_windows(rng), SYMMETRIES[index]
    image = rng.integers(0, 256, (66, 66), dtype=np.uint8)  # 64 second differences
    image[:, ::8] //= 2
    expected, actual = (
        measure_photo(w, block_bends(i), strong_count=7, area=100)
        for w, i in ((windows, image), (seen(symmetry, windows), seen(symmetry, image)))
    )
    expected = expected[symmetry.photo_order]
    assert_same(actual, expected)


def test_measure_windows_shows_blur_in_its_direction(rng: np.random.Generator) -> None:
    windows = rng.normal(128, 20, (40, 32, 32)).astype(np.float32)
    blurred = ndimage.gaussian_filter1d(windows, 0.8, axis=2)
    change = (measure_windows(blurred) - measure_windows(windows)).mean(axis=0)
    outer = change[9 * 12 : 10 * 12]  # the outermost ring: twelve angles
    assert outer[0] < -3  # along the rows; there the blur's power is exp(-(2π·0.5·0.8)²)
    assert abs(outer[6]) < 0.3


def test_measure_windows_gives_the_same_bits_with_compiled_code_and_without(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_compiled():
        pytest.skip("the compiled code was not built here, or is switched off")
    windows = some_windows(rng, 40).clip(0, 255).astype(np.uint8)
    windows[1], windows[2, 16:] = 90, 255
    windows[3] = np.indices((32, 32)).sum(axis=0) % 2 * 255
    compiled = measure_windows(windows)
    monkeypatch.setattr(features, "is_compiled", lambda: False)
    assert compiled.tobytes() == measure_windows(windows).tobytes()
    assert compiled.tobytes() == measure_windows(windows.astype(np.float32)).tobytes()


def test_symmetries_undo_what_they_apply(rng: np.random.Generator) -> None:
    kernel = rng.random((5, 5)).astype(np.float32)
    for symmetry in SYMMETRIES:
        np.testing.assert_array_equal(symmetry.undo(symmetry.apply(kernel)), kernel)
        np.testing.assert_array_equal(symmetry.apply(kernel), seen(symmetry, kernel))
        assert sorted(symmetry.window_order) == list(range(WINDOW_FEATURES))
