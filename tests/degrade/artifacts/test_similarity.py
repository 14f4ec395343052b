from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from degrade.artifacts.similarity import local_deviation, texture_similarity
from degrade.errors import InvalidValueError
from degrade.rng import rng_for


def reference(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """The formula, plainly, in float64."""
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()

    def mean(plane: np.ndarray) -> np.ndarray:
        rows = ndimage.correlate1d(plane, taps, axis=0, mode="mirror")
        return ndimage.correlate1d(rows, taps, axis=1, mode="mirror")

    maps = []
    for c in range(first.shape[2]):
        deviations = [
            np.sqrt(np.maximum(mean(plane * plane) - mean(plane) ** 2, 0))
            for plane in (first[..., c].astype(float), second[..., c].astype(float))
        ]
        x, y = deviations
        constant = (0.03 * 255) ** 2
        maps.append((2 * x * y + constant) / (x * x + y * y + constant))
    return np.mean(maps, axis=0)


@pytest.mark.parametrize("shape", [(6, 7, 3), (40, 33, 3), (300, 20, 3)])
def test_texture_similarity_is_the_published_one(shape: tuple[int, ...]) -> None:
    rng = rng_for(0, "similarity", *shape)
    first = rng.integers(0, 256, shape).astype(np.uint8)
    second = np.clip(first + rng.normal(0, 20, shape), 0, 255).astype(np.uint8)
    found = texture_similarity(first, second)
    assert found.dtype == np.float32 and found.shape == shape[:2]
    # Squares of 17 bits, and sums of 121 of them, in float32.
    assert np.abs(found - reference(first, second)).max() < 1e-4
    assert np.array_equal(found, texture_similarity(second, first))


def test_texture_similarity_of_one_image_is_one_and_sees_no_brightness() -> None:
    image = rng_for(0, "one").integers(40, 200, (30, 30, 3)).astype(np.uint8)
    assert np.abs(texture_similarity(image, image) - 1).max() < 1e-6
    assert np.abs(texture_similarity(image, image + 50) - 1).max() < 1e-4


def test_texture_similarity_refuses_what_cannot_be_compared() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    with pytest.raises(InvalidValueError, match="one size"):
        texture_similarity(image, image[:19])
    with pytest.raises(InvalidValueError, match="one size"):
        texture_similarity(image[..., 0], image[..., 0])
    with pytest.raises(InvalidValueError, match="at least 6"):
        texture_similarity(image[:5], image[:5])


def test_local_deviation_is_that_of_noise() -> None:
    noise = rng_for(0, "deviation").normal(128, 10, (200, 200, 3))
    found = local_deviation(np.clip(noise, 0, 255).astype(np.uint8))
    assert abs(float(np.sqrt((found**2).mean())) - 10) < 0.6
