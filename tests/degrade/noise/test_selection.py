from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.noise import ENOUGH, PATCH_SIZES, NoiseSelection, search_noise_patches
from degrade.pool.records import canonical_json


def _busy_but_for(rng: np.random.Generator, side: int, flat: int) -> np.ndarray:
    """A photo of texture with one flat, noisy square in it."""
    levels = rng.uniform(20, 230, (side, side, 3))
    levels[:flat, :flat] = 120 + 3 * rng.standard_normal((flat, flat, 3))
    return np.rint(levels).astype(np.uint8)


@pytest.mark.parametrize(("flat", "size"), [(64, 32), (40, 16), (200, 128), (384, 256)])
def test_the_patch_size_is_the_largest_of_which_there_are_enough(
    rng: np.random.Generator, flat: int, size: int
) -> None:
    search = search_noise_patches(_busy_but_for(rng, 400, flat), NoiseSelection())
    assert search.patch_size == size
    assert {box[2:] for box in search.boxes} == {(size, size)}


def test_a_few_large_patches_are_better_than_none(rng: np.random.Generator) -> None:
    search = search_noise_patches(_busy_but_for(rng, 100, 16), NoiseSelection())
    assert search.patch_size == 16 and 0 < len(search.boxes) < ENOUGH


def test_photos_smaller_than_the_largest_sizes_are_searched(rng: np.random.Generator) -> None:
    search = search_noise_patches(_busy_but_for(rng, 32, 32), NoiseSelection())
    assert search.patch_size == 16 and len(search.boxes) == 9


def test_where_there_is_no_noise_the_smallest_size_tells_why(rng: np.random.Generator) -> None:
    search = search_noise_patches(_busy_but_for(rng, 80, 0), NoiseSelection())
    assert search.boxes == [] and search.patch_size == PATCH_SIZES[-1]
    assert search.refused["variance"] == search.variances.size


def test_a_patch_size_that_is_given_is_kept(rng: np.random.Generator) -> None:
    pixels = _busy_but_for(rng, 100, 40)
    assert search_noise_patches(pixels, NoiseSelection(patch_size=64)).boxes == []
    (one,) = search_noise_patches(pixels, NoiseSelection(patch_size=32)).boxes
    assert one == (0, 0, 32, 32)


@pytest.mark.parametrize(
    "changes",
    [
        {"patch_size": 7},
        {"stride": 0},
        {"max_variance": 0.01},
        {"min_variance": -1},
        {"min_mean": 256},
        {"min_mean": -1},
        {"max_clipped": 1.1},
        {"max_structure": 0.5},
        {"max_unevenness": 1.5},
        {"max_unevenness": float("nan")},
        {"max_variance": float("nan")},
        {"max_structure": float("nan")},
        {"max_patches": 0},
    ],
    ids=str,
)
def test_noise_selection_refuses_bad_settings(changes: Any) -> None:
    with pytest.raises(InvalidValueError, match="got"):
        NoiseSelection(**changes)


def test_noise_selection_writes_equal_numbers_alike() -> None:
    whole = NoiseSelection(
        max_variance=20,
        min_variance=0,
        min_mean=0,
        max_clipped=1,
        max_structure=3,
        max_unevenness=1,
    )
    same = NoiseSelection(
        max_variance=20.0,
        min_variance=0.0,
        min_mean=0.0,
        max_clipped=1.0,
        max_structure=3.0,
        max_unevenness=1.0,
    )
    assert canonical_json(dataclasses.asdict(whole)) == canonical_json(dataclasses.asdict(same))
    assert '"max_variance": 20.0' in canonical_json(dataclasses.asdict(whole))
