from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from degrade.images.image_io import read_photo
from degrade.noise import (
    NoiseSelection,
    patch_positions,
    search_noise_patches,
    suggest_max_variance,
)
from tests.degrade.noise.naive_search import (
    naive_search,
    noisy_photo,
    open_selection,
)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    height=st.integers(1, 45),
    width=st.integers(1, 45),
    size=st.integers(8, 17),
    stride=st.none() | st.integers(1, 20),
    deep=st.booleans(),
    low=st.sampled_from([0, 240]),
)
def test_search_noise_patches_equals_naive_loops(
    seed: int, height: int, width: int, size: int, stride: int | None, deep: bool, low: int
) -> None:
    rng = np.random.default_rng(seed)
    # Fields of different levels and noise, so that every gate finds something to refuse.
    levels = np.repeat(np.repeat(rng.uniform(low, 255, (6, 6, 1)), 8, 0), 8, 1)[:height, :width]
    sigma = np.repeat(np.repeat(rng.uniform(0, 5, (6, 6, 1)), 8, 0), 8, 1)[:height, :width]
    values = (levels + sigma * rng.standard_normal((height, width, 3))).clip(0, 255)
    pixels = np.rint(values * 257).astype(np.uint16) if deep else np.rint(values).astype(np.uint8)
    selection = NoiseSelection(
        patch_size=size,
        stride=stride,
        max_variance=18.3,
        min_variance=0.31,
        min_mean=40.7,
        max_clipped=0.033,
        max_structure=2.17,
        max_unevenness=0.37,
        min_roughness=0.61,
        max_patches=10**6,
    )
    search = search_noise_patches(pixels, selection)
    boxes, refused = naive_search(pixels, selection)
    assert search.boxes == boxes
    assert {name: count for name, count in search.refused.items() if count} == {
        name: count for name, count in refused.items() if count
    }
    assert sum(search.refused.values()) + len(boxes) == search.variances.size


@pytest.mark.parametrize("level", [3, 128, 252])
def test_search_noise_patches_equals_naive_loops_in_large_windows(
    rng: np.random.Generator, level: int
) -> None:
    pixels = noisy_photo(rng, 290, 333, level, 1.5)
    pixels[:100, :120] += rng.integers(0, 3, (100, 120, 1), dtype=np.uint8)
    selection = NoiseSelection(patch_size=256, stride=32, max_structure=1.2, max_unevenness=0.01)
    search = search_noise_patches(pixels, selection)
    assert (search.boxes, search.refused) == naive_search(pixels, selection)


def test_search_noise_patches_covers_the_last_row_and_column(rng: np.random.Generator) -> None:
    search = search_noise_patches(noisy_photo(rng, 21, 30), open_selection())
    assert {box[0] for box in search.boxes} == {0, 8, 13}
    assert {box[1] for box in search.boxes} == {0, 8, 16, 22}


@settings(deadline=None)
@given(st.integers(0, 200), st.integers(1, 60), st.integers(1, 60))
def test_patch_positions_end_at_the_border(length: int, size: int, stride: int) -> None:
    positions = patch_positions(length, size, stride).tolist()
    if length < size:
        assert positions == []
        return
    assert positions[0] == 0
    assert positions[-1] == length - size
    steps = np.diff(positions)
    assert (steps[:-1] == stride).all()
    assert ((steps > 0) & (steps <= stride)).all()


GATES = [
    ("variance", {"max_variance": 2.0}, {"sigma": 3.0}, {"sigma": 1.0}),
    ("flat", {"min_variance": 0.5}, {"sigma": 0.1}, {"sigma": 3.0}),
    ("dark", {"min_mean": 60.0}, {"level": 40}, {"level": 80}),
    ("clipped", {"max_clipped": 0.01}, {"level": 253}, {"level": 240}),
    ("clipped", {"max_clipped": 0.01}, {"level": 2}, {"level": 15}),
]


@pytest.mark.parametrize(("gate", "setting", "bad", "good"), GATES)
def test_each_gate_refuses_its_own_and_nothing_else(
    rng: np.random.Generator, gate: str, setting: Any, bad: Any, good: Any
) -> None:
    selection = open_selection(patch_size=16, **setting)
    refused = search_noise_patches(noisy_photo(rng, 64, 64, **bad), selection)
    assert refused.boxes == []
    assert {name for name, count in refused.refused.items() if count} == {gate}
    assert refused.refused[gate] == 16
    assert len(search_noise_patches(noisy_photo(rng, 64, 64, **good), selection).boxes) == 16


def test_texture_gate_refuses_an_edge_that_the_variance_gate_lets_through(
    rng: np.random.Generator,
) -> None:
    pixels = noisy_photo(rng, 32, 32, sigma=1).astype(int)
    pixels[:8, :4] += 20
    selection = NoiseSelection(patch_size=32)
    search = search_noise_patches(pixels.astype(np.uint8), selection)
    assert search.variances[0] < selection.max_variance
    assert search.refused["textured"] == 1
    assert len(search_noise_patches(noisy_photo(rng, 32, 32, sigma=1), selection).boxes) == 1


def test_unevenness_gate_refuses_a_gradient_and_a_change_of_colour_alone(
    rng: np.random.Generator,
) -> None:
    selection = NoiseSelection(patch_size=32)
    slope = np.linspace(-4, 4, 32)[:, None, None]
    # Red up and green down such that the grey level stays: only the colour changes.
    hue = 6 * np.sign(slope) * np.array([1.0, -0.299 / 0.587, 0.0])
    for change in (slope, hue):
        pixels = np.rint(noisy_photo(rng, 32, 32, sigma=1) + change).astype(np.uint8)
        search = search_noise_patches(pixels, selection)
        assert search.variances[0] < selection.max_variance
        assert search.refused["uneven"] == 1
    assert len(search_noise_patches(noisy_photo(rng, 32, 32, sigma=1), selection).boxes) == 1


def test_refused_and_accepted_account_for_every_position(rng: np.random.Generator) -> None:
    pixels = np.concatenate([noisy_photo(rng, 40, 60, level=v) for v in (1, 30, 120, 254)])
    search = search_noise_patches(pixels, NoiseSelection(patch_size=16, stride=5, min_mean=50))
    assert len(search.boxes) + sum(search.refused.values()) == search.variances.size
    assert search.accepted.sum() == len(search.boxes) > 0
    assert not (search.accepted & search.too_varied).any()


def test_search_noise_patches_keeps_its_digits_on_large_bright_photos() -> None:
    pixels = np.full((1200, 1600, 3), 250, np.uint8)
    pixels[::2, ::2] = 251
    search = search_noise_patches(pixels, open_selection(patch_size=64))
    assert np.abs(search.variances - 0.1875).max() < 1e-6
    assert np.abs(search.means - 250.25).max() < 1e-9


def test_search_noise_patches_measures_16_bits_in_8_bit_units(rng: np.random.Generator) -> None:
    low = noisy_photo(rng)
    first = search_noise_patches(low, open_selection())
    second = search_noise_patches(low.astype(np.uint16) * 257, open_selection())
    assert np.allclose(first.variances, second.variances)
    assert np.allclose(first.means, second.means)
    assert first.boxes == second.boxes


def test_max_patches_keeps_patches_far_from_each_other(rng: np.random.Generator) -> None:
    pixels = noisy_photo(rng, 120, 160)
    every = search_noise_patches(pixels, open_selection(stride=8))
    assert len(every.boxes) == 15 * 20
    for count in (1, 2, 4, 20, 299, 300, 301):
        few = search_noise_patches(pixels, open_selection(stride=8, max_patches=count))
        assert len(few.boxes) == min(count, 300)
        assert few.boxes == [every.boxes[i] for i in few.kept]
        assert few.boxes == sorted(set(few.boxes))
        # What was found does not depend on what is kept.
        assert few.refused == every.refused
        for name in ("variances", "means", "accepted", "too_varied"):
            np.testing.assert_array_equal(getattr(few, name), getattr(every, name))
    two = search_noise_patches(pixels, open_selection(stride=8, max_patches=2))
    assert [box[:2] for box in two.boxes] == [(0, 0), (112, 152)]
    twenty = search_noise_patches(pixels, open_selection(stride=1, max_patches=20))
    for index, (top, left, *_) in enumerate(twenty.boxes):
        for other in twenty.boxes[:index]:
            assert max(abs(top - other[0]), abs(left - other[1])) >= 16  # two patches


def test_max_patches_does_not_choose_by_level(rng: np.random.Generator) -> None:
    bright = np.linspace(60, 180, 160)[None, :, None]
    pixels = np.rint(bright + 2 * rng.standard_normal((120, 160, 3))).astype(np.uint8)
    pixels = pixels.repeat(2, 0)
    every, few = (
        search_noise_patches(pixels, open_selection(stride=2, max_patches=count))
        for count in (10**6, 64)
    )
    assert few.means[few.kept].mean() == pytest.approx(every.means.mean(), abs=6)
    assert few.variances[few.kept].mean() == pytest.approx(every.variances.mean(), rel=0.1)


@pytest.mark.parametrize("shape", [(7, 90, 3), (90, 7, 3), (1, 1, 3)])
def test_search_noise_patches_finds_nothing_in_photos_too_small(shape: Any) -> None:
    search = search_noise_patches(np.full(shape, 9, np.uint8), NoiseSelection(patch_size=8))
    assert search.boxes == []
    assert search.variances.size == 0
    assert suggest_max_variance([search]) is None


@pytest.mark.parametrize(
    "pixels", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3))]
)
def test_search_noise_patches_refuses_other_arrays(pixels: np.ndarray) -> None:
    with pytest.raises(InvalidValueError, match="got"):
        search_noise_patches(pixels, NoiseSelection(patch_size=8))


def test_suggest_max_variance_names_one_that_would_have_worked(rng: np.random.Generator) -> None:
    pixels = noisy_photo(rng, 64, 64, sigma=9)
    strict = NoiseSelection(patch_size=32)
    search = search_noise_patches(pixels, strict)
    assert search.boxes == []
    advice = suggest_max_variance([search])
    assert advice is not None
    assert search_noise_patches(pixels, dataclasses.replace(strict, max_variance=advice)).boxes
    assert not search_noise_patches(
        pixels, dataclasses.replace(strict, max_variance=advice - 1)
    ).boxes


def test_search_noise_patches_finds_noise_in_a_real_photo(shared_data: Path) -> None:
    pixels = read_photo(next(iter(sorted((shared_data / "real").glob("*.jpg"))))).pixels
    search = search_noise_patches(pixels, NoiseSelection(patch_size=32, stride=16))
    boxes, refused = naive_search(pixels[:96, :96], NoiseSelection(patch_size=32, stride=16))
    crop = search_noise_patches(pixels[:96, :96], NoiseSelection(patch_size=32, stride=16))
    assert (crop.boxes, {k: v for k, v in crop.refused.items() if v}) == (
        boxes,
        {k: v for k, v in refused.items() if v},
    )
    assert search.variances.min() >= 0
