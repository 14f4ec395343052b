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
    NoisePatch,
    NoiseSelection,
    extract_noise_patches,
    patch_positions,
    search_noise_patches,
    suggest_max_variance,
    take_patches,
)
from degrade.pool.records import canonical_json

# Gates that let everything through, to be closed one by one.
OPEN: dict[str, Any] = {
    "patch_size": 8,
    "max_variance": 1e9,
    "min_variance": 0.0,
    "min_mean": 0.0,
    "max_clipped": 1.0,
    "max_structure": 1e9,
    "max_unevenness": 1.0,
    "min_roughness": 0.0,
    "max_patches": 10**6,
}


def _selection(**changes: Any) -> NoiseSelection:
    return NoiseSelection(**{**OPEN, **changes})


def _noisy(
    rng: np.random.Generator,
    height: int = 40,
    width: int = 52,
    level: float = 120,
    sigma: float = 3,
) -> np.ndarray:
    values = level + sigma * rng.standard_normal((height, width, 3))
    return np.rint(values).clip(0, 255).astype(np.uint8)


def roughness_of(window: np.ndarray) -> float:
    """The definition, about the plane of least squares."""
    grey = window.astype(np.float64) @ np.array([1.0, 2.0, 1.0])
    down, along = np.indices(grey.shape)
    plane = np.stack([down.ravel(), along.ravel(), np.ones(grey.size)], axis=1)
    (fall, rise, _), *_ = np.linalg.lstsq(plane, grey.ravel(), rcond=None)
    rest = grey - fall * down - rise * along
    steps = [(np.diff(rest, axis=axis) ** 2).mean() for axis in (0, 1)]
    return sum(steps) / 4 / rest.var() if rest.var() > 1e-6 else 1.0


GATE_NAMES = ("variance", "flat", "dark", "clipped", "textured", "uneven", "soft")


def _naive(pixels: np.ndarray, selection: NoiseSelection) -> tuple[list[Any], dict[str, int]]:
    """The definition, patch by patch."""
    assert selection.patch_size is not None
    size, stride = selection.patch_size, selection.stride or selection.patch_size
    peak = np.iinfo(pixels.dtype).max
    grey = pixels.astype(np.float64) @ np.array([0.299, 0.587, 0.114]) * 255 / peak
    boxes, refused = [], dict.fromkeys([*GATE_NAMES], 0)
    starts = [
        sorted({*range(0, side - size + 1, stride), side - size} if side >= size else set())
        for side in pixels.shape[:2]
    ]
    for top in starts[0]:
        for left in starts[1]:
            window = pixels[top : top + size, left : left + size]
            level = grey[top : top + size, left : left + size]
            block = size // 4
            blocks = [
                window[i * block : (i + 1) * block, j * block : (j + 1) * block].astype(np.float64)
                for i in range(4)
                for j in range(4)
            ]
            variances = np.array([values.var(axis=(0, 1)) for values in blocks])
            within = variances.mean(axis=0)
            between = np.array([values.mean(axis=(0, 1)) for values in blocks]).var(axis=0)
            structure = max(
                top / mean if mean > 0 else 1.0
                for top, mean in zip(variances.max(axis=0), within, strict=True)
            )
            unevenness = max(
                b / (b + w) if b + w > 0 else 0.0 for b, w in zip(between, within, strict=True)
            )
            clipped = ((window == 0) | (window == peak)).any(axis=2).mean()
            for gate, fails in (
                ("variance", level.var() > selection.max_variance),
                ("flat", level.var() < selection.min_variance),
                ("dark", level.mean() < selection.min_mean),
                ("clipped", clipped > selection.max_clipped),
                ("textured", structure > selection.max_structure),
                ("uneven", unevenness > selection.max_unevenness),
                ("soft", roughness_of(window) < selection.min_roughness),
            ):
                if fails:
                    refused[gate] += 1
                    break
            else:
                boxes.append((top, left, size, size))
    return boxes, refused


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
    boxes, refused = _naive(pixels, selection)
    assert search.boxes == boxes
    assert {name: count for name, count in search.refused.items() if count} == {
        name: count for name, count in refused.items() if count
    }
    assert sum(search.refused.values()) + len(boxes) == search.variances.size


@pytest.mark.parametrize("level", [3, 128, 252])
def test_search_noise_patches_equals_naive_loops_in_large_windows(
    rng: np.random.Generator, level: int
) -> None:
    pixels = _noisy(rng, 290, 333, level, 1.5)
    pixels[:100, :120] += rng.integers(0, 3, (100, 120, 1), dtype=np.uint8)
    selection = NoiseSelection(patch_size=256, stride=32, max_structure=1.2, max_unevenness=0.01)
    search = search_noise_patches(pixels, selection)
    assert (search.boxes, search.refused) == _naive(pixels, selection)


def test_search_noise_patches_covers_the_last_row_and_column(rng: np.random.Generator) -> None:
    search = search_noise_patches(_noisy(rng, 21, 30), _selection())
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
    selection = _selection(patch_size=16, **setting)
    refused = search_noise_patches(_noisy(rng, 64, 64, **bad), selection)
    assert refused.boxes == []
    assert {name for name, count in refused.refused.items() if count} == {gate}
    assert refused.refused[gate] == 16
    assert len(search_noise_patches(_noisy(rng, 64, 64, **good), selection).boxes) == 16


def test_texture_gate_refuses_an_edge_that_the_variance_gate_lets_through(
    rng: np.random.Generator,
) -> None:
    pixels = _noisy(rng, 32, 32, sigma=1).astype(int)
    pixels[:8, :4] += 20
    selection = NoiseSelection(patch_size=32)
    search = search_noise_patches(pixels.astype(np.uint8), selection)
    assert search.variances[0] < selection.max_variance
    assert search.refused["textured"] == 1
    assert len(search_noise_patches(_noisy(rng, 32, 32, sigma=1), selection).boxes) == 1


def test_unevenness_gate_refuses_a_gradient_and_a_change_of_colour_alone(
    rng: np.random.Generator,
) -> None:
    selection = NoiseSelection(patch_size=32)
    slope = np.linspace(-4, 4, 32)[:, None, None]
    # Red up and green down such that the grey level stays: only the colour changes.
    hue = 6 * np.sign(slope) * np.array([1.0, -0.299 / 0.587, 0.0])
    for change in (slope, hue):
        pixels = np.rint(_noisy(rng, 32, 32, sigma=1) + change).astype(np.uint8)
        search = search_noise_patches(pixels, selection)
        assert search.variances[0] < selection.max_variance
        assert search.refused["uneven"] == 1
    assert len(search_noise_patches(_noisy(rng, 32, 32, sigma=1), selection).boxes) == 1


def test_refused_and_accepted_account_for_every_position(rng: np.random.Generator) -> None:
    pixels = np.concatenate([_noisy(rng, 40, 60, level=v) for v in (1, 30, 120, 254)])
    search = search_noise_patches(pixels, NoiseSelection(patch_size=16, stride=5, min_mean=50))
    assert len(search.boxes) + sum(search.refused.values()) == search.variances.size
    assert search.accepted.sum() == len(search.boxes) > 0
    assert not (search.accepted & search.too_varied).any()


def test_search_noise_patches_keeps_its_digits_on_large_bright_photos() -> None:
    pixels = np.full((1200, 1600, 3), 250, np.uint8)
    pixels[::2, ::2] = 251
    search = search_noise_patches(pixels, _selection(patch_size=64))
    assert np.abs(search.variances - 0.1875).max() < 1e-6
    assert np.abs(search.means - 250.25).max() < 1e-9


def test_search_noise_patches_measures_16_bits_in_8_bit_units(rng: np.random.Generator) -> None:
    low = _noisy(rng)
    first = search_noise_patches(low, _selection())
    second = search_noise_patches(low.astype(np.uint16) * 257, _selection())
    assert np.allclose(first.variances, second.variances)
    assert np.allclose(first.means, second.means)
    assert first.boxes == second.boxes


def test_max_patches_keeps_patches_far_from_each_other(rng: np.random.Generator) -> None:
    pixels = _noisy(rng, 120, 160)
    every = search_noise_patches(pixels, _selection(stride=8))
    assert len(every.boxes) == 15 * 20
    for count in (1, 2, 4, 20, 299, 300, 301):
        few = search_noise_patches(pixels, _selection(stride=8, max_patches=count))
        assert len(few.boxes) == min(count, 300)
        assert few.boxes == [every.boxes[i] for i in few.kept]
        assert few.boxes == sorted(set(few.boxes))
        # What was found does not depend on what is kept.
        assert few.refused == every.refused
        for name in ("variances", "means", "accepted", "too_varied"):
            np.testing.assert_array_equal(getattr(few, name), getattr(every, name))
    two = search_noise_patches(pixels, _selection(stride=8, max_patches=2))
    assert [box[:2] for box in two.boxes] == [(0, 0), (112, 152)]
    twenty = search_noise_patches(pixels, _selection(stride=1, max_patches=20))
    for index, (top, left, *_) in enumerate(twenty.boxes):
        for other in twenty.boxes[:index]:
            assert max(abs(top - other[0]), abs(left - other[1])) >= 16  # two patches


def test_max_patches_does_not_choose_by_level(rng: np.random.Generator) -> None:
    bright = np.linspace(60, 180, 160)[None, :, None]
    pixels = np.rint(bright + 2 * rng.standard_normal((120, 160, 3))).astype(np.uint8)
    pixels = pixels.repeat(2, 0)
    every, few = (
        search_noise_patches(pixels, _selection(stride=2, max_patches=count))
        for count in (10**6, 64)
    )
    assert few.means[few.kept].mean() == pytest.approx(every.means.mean(), abs=6)
    assert few.variances[few.kept].mean() == pytest.approx(every.variances.mean(), rel=0.1)


def test_take_patches_takes_what_is_kept(rng: np.random.Generator) -> None:
    pixels = _noisy(rng)
    search = search_noise_patches(pixels, _selection(stride=4, max_patches=7))
    patches = take_patches(pixels, search, source="photo")
    assert [patch.box for patch in patches] == search.boxes and len(patches) == 7
    for patch in patches:
        grey = patch.pixels @ np.array([0.299, 0.587, 0.114])
        assert patch.variance == pytest.approx(grey.var())


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
    pixels = _noisy(rng, 64, 64, sigma=9)
    strict = NoiseSelection(patch_size=32)
    search = search_noise_patches(pixels, strict)
    assert search.boxes == []
    advice = suggest_max_variance([search])
    assert advice is not None
    assert search_noise_patches(pixels, dataclasses.replace(strict, max_variance=advice)).boxes
    assert not search_noise_patches(
        pixels, dataclasses.replace(strict, max_variance=advice - 1)
    ).boxes


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_residuals_have_zero_mean_and_the_noise_of_the_photo(
    rng: np.random.Generator, dtype: type
) -> None:
    peak = np.iinfo(dtype).max
    noise = rng.normal(0, [1, 2, 3], (64, 64, 3)) / 255
    pixels = np.rint((np.array([0.2, 0.5, 0.7]) + noise) * peak).astype(dtype)
    (patch,) = extract_noise_patches(pixels, _selection(patch_size=64), source="photo")
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
    pixels = _noisy(rng)
    before = pixels.copy()
    patches = extract_noise_patches(pixels, _selection(), source="photo")
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
    pixels = _noisy(rng)
    selection = _selection(max_variance=4.0)
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


def test_search_noise_patches_finds_noise_in_a_real_photo(shared_data: Path) -> None:
    pixels = read_photo(next(iter(sorted((shared_data / "real").glob("*.jpg"))))).pixels
    search = search_noise_patches(pixels, NoiseSelection(patch_size=32, stride=16))
    boxes, refused = _naive(pixels[:96, :96], NoiseSelection(patch_size=32, stride=16))
    crop = search_noise_patches(pixels[:96, :96], NoiseSelection(patch_size=32, stride=16))
    assert (crop.boxes, {k: v for k, v in crop.refused.items() if v}) == (
        boxes,
        {k: v for k, v in refused.items() if v},
    )
    assert search.variances.min() >= 0
