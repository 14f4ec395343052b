from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from degrade.compiled import is_compiled
from degrade.noise import roughness
from degrade.noise.roughness import measure_roughness
from tests.compiled_forms import all_forms
from tests.degrade.noise.naive_search import roughness_of

form = all_forms(roughness)

TOPS, LEFTS = np.array([0, 5, 20]), np.array([0, 10, 33, 40])


def _photo(rng: np.random.Generator, blur: float, dtype: type = np.uint8) -> np.ndarray:
    noise = ndimage.gaussian_filter(rng.standard_normal((60, 80, 3)), (blur, blur, 0))
    levels = 120 + 6 * noise / noise.std()
    return np.rint(levels * (257 if dtype == np.uint16 else 1)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_measure_roughness_equals_its_definition(rng: np.random.Generator, dtype: type) -> None:
    pixels = _photo(rng, 0.8, dtype)
    found = measure_roughness(pixels, TOPS, LEFTS, 32, np.ones((3, 4), bool))
    wanted = [[roughness_of(pixels[t : t + 32, left : left + 32]) for left in LEFTS] for t in TOPS]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_measure_roughness_measures_only_what_is_wanted(rng: np.random.Generator) -> None:
    wanted = rng.random((3, 4)) < 0.5
    pixels = _photo(rng, 1)
    found = measure_roughness(pixels, TOPS, LEFTS, 32, wanted)
    every = measure_roughness(pixels, TOPS, LEFTS, 32, np.ones((3, 4), bool))
    assert np.array_equal(found, np.where(wanted, every, 1.0))


def test_measure_roughness_tells_noise_from_soft_shapes(rng: np.random.Generator) -> None:
    rough = [
        measure_roughness(_photo(rng, blur), TOPS, LEFTS, 32, np.ones((3, 4), bool))
        for blur in (0.0, 0.7, 2.5)
    ]
    assert abs(rough[0].mean() - 1) < 0.05  # white
    assert rough[1].min() > 0.3 and rough[2].max() < 0.2


def test_measure_roughness_of_planes_and_of_nothing_is_one() -> None:
    down, along = np.indices((40, 40))
    plane = np.repeat((3 * down + 2 * along)[..., None], 3, axis=2).astype(np.uint8)
    where = np.array([0]), np.array([0, 8])
    assert (measure_roughness(plane, *where, 32, np.ones((1, 2), bool)) == 1).all()
    assert (measure_roughness(plane * 0, *where, 32, np.ones((1, 2), bool)) == 1).all()


@pytest.mark.skipif(not is_compiled(), reason="the compiled code was not built here")
def test_measure_roughness_has_the_same_bits_without_a_compiler(rng: np.random.Generator) -> None:
    pixels, all_of = _photo(rng, 0.8), np.ones((3, 4), bool)
    found = []
    for compiled in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(roughness, "is_compiled", lambda compiled=compiled: compiled)
            found.append(measure_roughness(pixels, TOPS, LEFTS, 32, all_of))
    assert np.array_equal(*found)
