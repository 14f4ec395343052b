from __future__ import annotations

import json

import cv2
import msgspec
import numpy as np
import pytest
from scipy import ndimage

from degrade.arrays import AnyArray
from degrade.disk.structs import read_struct
from degrade.errors import CorruptDataError, InvalidValueError
from degrade.noise.statistics import LAGS, NoiseStatistics, measure_noise, pool_statistics
from degrade.rng import rng_for
from tests.degrade.noise.planted import (
    LAG_1,
    TOGETHER,
    flat_levels,
    noisy_levels,
    noisy_photo,
    variance_of,
)


@pytest.fixture(scope="module")
def measured() -> NoiseStatistics:
    return measure_noise(noisy_photo("a", height=512, width=512), camera="X1, ISO 400")


def test_measure_noise_finds_strength_grain_and_correlation(measured: NoiseStatistics) -> None:
    assert measured.looked_at == 1024 and measured.cells > 800 and measured.photos == 1
    table = measured.table()
    # Planes take some of the variance along, and more of this grain than of white noise.
    ratios = table.variances / variance_of(table.means)
    assert np.average(ratios, axis=0, weights=table.cells) == pytest.approx([0.93] * 3, abs=0.06)
    sizes = np.sqrt(table.variances)
    together = np.average(
        table.covariances[:, 0] / (sizes[:, 0] * sizes[:, 1]), weights=table.cells
    )
    assert together == pytest.approx(TOGETHER[0, 1], abs=0.05)
    for own in measured.grain[:3]:
        assert own[0] == pytest.approx(1, abs=0.02)
        assert own[LAGS.index((0, 1))] == pytest.approx(LAG_1, abs=0.05)
        assert own[LAGS.index((1, 0))] == pytest.approx(LAG_1, abs=0.05)
        assert abs(own[LAGS.index((3, 3))]) < 0.1
    pairs = [pair[0] for pair in measured.grain[3:]]
    assert pairs == pytest.approx([0.6, 0.4, 0.6], abs=0.05)
    assert "green σ" in measured.words() and "neighbours correlate by 0." in measured.words()


def test_statistics_are_small_as_json_and_read_back(measured: NoiseStatistics) -> None:
    text = json.dumps(msgspec.to_builtins(measured))
    assert len(text) < 3000
    assert read_struct(json.loads(text), NoiseStatistics, "noise") == measured
    damaged = json.loads(text)
    damaged["colours"][0][0] = 300
    with pytest.raises(CorruptDataError, match="at most 255"):
        read_struct(damaged, NoiseStatistics, "noise")
    later = json.loads(text) | {"version": 2}
    with pytest.raises(CorruptDataError, match="version"):
        read_struct(later, NoiseStatistics, "noise")


def test_rounding_to_8_bits_is_no_noise() -> None:
    levels = flat_levels("fine")
    noisy = levels + rng_for(0, "fine").normal(0, 0.6, levels.shape)
    fine = measure_noise((noisy * 257).round().astype(np.uint16)).table()
    coarse = measure_noise(noisy.round().astype(np.uint8)).table()
    for table in (fine, coarse):
        mean = np.average(table.variances, axis=0, weights=table.cells)
        assert mean == pytest.approx([0.36] * 3, rel=0.08)


def _drawing() -> AnyArray:
    picture = np.full((256, 256, 3), 200, np.uint8)
    picture[64:128, 32:200] = (30, 90, 200)
    return np.asarray(ndimage.gaussian_filter(picture, (0.7, 0.7, 0)))


def _texture() -> AnyArray:
    # Gravel of all contrasts: nowhere alike.
    rng = rng_for(0, "gravel")
    contrast = np.kron(0.5 + np.exp(rng.normal(0, 1, (16, 16))), np.ones((16, 16)))
    level = np.kron(rng.uniform(20, 235, (16, 16)), np.ones((16, 16)))
    gravel = level + rng.normal(0, 12, (256, 256)) * contrast
    return np.repeat(np.clip(gravel, 1, 254)[..., None], 3, axis=2).astype(np.uint8)


@pytest.mark.parametrize(
    ("pixels", "why"),
    [
        (np.zeros((128, 128, 3), np.uint8), "clipped to black or white"),
        (np.full((128, 128, 3), 255, np.uint8), "clipped to black or white"),
        (np.full((128, 128, 3), 65535, np.uint16), "clipped to black or white"),
        (np.full((128, 128, 3), 90, np.uint8), "have no noise, as in drawings"),
        (_drawing(), "have no noise, as in drawings"),
        (_texture(), "no part of it is flat"),
        (noisy_photo("tiny", height=31, width=90), "smaller than 8 cells of 16×16"),
        (np.zeros((1, 1, 3), np.uint8), "smaller than 8 cells of 16×16"),
    ],
)
def test_measure_noise_says_why_a_photo_cannot_tell(pixels: AnyArray, why: str) -> None:
    with pytest.raises(InvalidValueError, match=why):
        measure_noise(pixels)


def test_grey_photos_have_one_noise() -> None:
    grey = np.repeat(noisy_photo("grey")[..., 1:2], 3, axis=2)
    measured = measure_noise(grey)
    assert [pair[0] for pair in measured.grain[3:]] == pytest.approx([1] * 3, abs=0.01)


def test_pooled_statistics_are_of_all_and_can_be_pooled_again() -> None:
    photos = [measure_noise(noisy_photo(name), camera="X1") for name in "abcd"]
    together = pool_statistics(photos)
    assert (together.photos, together.camera) == (4, "X1")
    assert together.cells == sum(photo.cells for photo in photos)
    again = pool_statistics([pool_statistics(photos[:2]), pool_statistics(photos[2:])])
    assert again.photos == 4 and again.cells == together.cells
    assert np.array(again.grain) == pytest.approx(np.array(together.grain), abs=0.02)
    for found in (together, again):
        table = found.table()
        ratios = table.variances / variance_of(table.means)
        assert np.average(ratios, axis=0, weights=table.cells) == pytest.approx(
            [0.93] * 3, abs=0.06
        )
    assert pool_statistics(photos[:1]) == photos[0]


def test_no_photo_counts_more_than_twice_the_median() -> None:
    small = [measure_noise(noisy_photo(f"s{n}", height=128, width=128)) for n in range(4)]
    loud = measure_noise(noisy_photo("loud", times=4, height=768, width=768))
    assert loud.cells > 30 * small[0].cells
    counts = np.array([*(photo.cells for photo in small), 2 * np.median([p.cells for p in small])])
    table = pool_statistics([*small, loud]).table()
    ratio = np.average((table.variances / variance_of(table.means))[:, 1], weights=table.cells)
    wanted = 0.93 * (counts[:4].sum() + 4 * counts[4]) / counts.sum()
    assert ratio == pytest.approx(wanted, rel=0.15)


def test_a_slope_is_no_noise() -> None:
    levels = flat_levels("slope", low=60, high=61)
    levels += np.linspace(0, 60, levels.shape[1])[:, None].astype(np.float32)
    noisy = np.rint(noisy_levels("slope", levels)).astype(np.uint8)
    table = measure_noise(noisy).table()
    ratios = table.variances / variance_of(table.means)
    assert np.average(ratios, axis=0, weights=table.cells) == pytest.approx([0.95] * 3, abs=0.06)


@pytest.mark.parametrize("sigma", [0.1, 0.25])
def test_weak_noise_of_16_bits_is_measured(sigma: float) -> None:
    levels = flat_levels("weak", 256, 256)
    noisy = levels + rng_for(0, "weak").normal(0, sigma, levels.shape)
    table = measure_noise((noisy * 257).round().astype(np.uint16)).table()
    mean = np.average(table.variances, axis=0, weights=table.cells)
    assert mean == pytest.approx([sigma**2] * 3, rel=0.08)


@pytest.mark.parametrize(("sigma", "softness", "is_told"), [(4, 1.2, True), (20, 1.2, False)])
def test_a_texture_all_over_a_photo_is_no_noise(
    sigma: float, softness: float, is_told: bool
) -> None:
    rng = np.random.default_rng(0)
    soft = cv2.GaussianBlur(rng.standard_normal((256, 256, 3)), (0, 0), softness)
    photo = np.clip(128 + sigma * soft / soft.std(), 0, 255).round().astype(np.uint8)
    if is_told:
        assert measure_noise(photo).cells > 0
    else:
        with pytest.raises(InvalidValueError, match="flat"):
            measure_noise(photo)


def test_strong_noise_of_a_camera_is_told() -> None:
    rng = np.random.default_rng(1)
    soft = cv2.GaussianBlur(rng.standard_normal((256, 256, 3)), (0, 0), 0.55)
    photo = np.clip(128 + 20 * soft / soft.std(), 0, 255).round().astype(np.uint8)
    (first, *_) = measure_noise(photo).colours
    assert first.of_green == pytest.approx(400, rel=0.1)
