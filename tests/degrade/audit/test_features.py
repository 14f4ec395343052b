"""Figures of one photo: of noise, blocks and softness what was put there."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from degrade.arrays import U8Array, round_to_u8
from degrade.audit.features import (
    CONTENT,
    FEATURES,
    PhotoFeatures,
    measure_features,
    windows_of,
)
from degrade.audit.flat_blocks import measure_flat_noise
from degrade.audit.spectra import BAND_COUNT, log_spectrum, spread_windows
from degrade.errors import InvalidValueError
from tests.degrade.audit.scenes import make_photo, move


def test_measure_features_names_all_that_it_gives() -> None:
    found = measure_features(make_photo("names"))
    assert found.values.shape == (sum(map(len, FEATURES.values())),)
    assert found.content.shape == (len(CONTENT),) and found.spectrum.shape == (BAND_COUNT,)


@pytest.mark.parametrize(
    "photo",
    [
        np.zeros((64, 64, 3), np.uint8),
        np.full((80, 70, 3), 255, np.uint8),
        np.full((65, 191, 3), 77, np.uint8),
        np.random.default_rng(0).integers(0, 256, (71, 99, 3), np.uint8),
        np.repeat(make_photo("grey")[..., :1], 3, axis=2),
        (np.indices((96, 96)).sum(axis=0) % 2 * 255)[..., None].repeat(3, axis=2).astype(np.uint8),
    ],
    ids=["black", "white", "flat", "noise", "grey", "board"],
)
def test_measure_features_gives_figures_or_nan_of_any_photo(photo: U8Array) -> None:
    found = measure_features(photo)
    assert not np.isinf(found.values).any()
    assert np.isfinite(found.content).all() and np.isfinite(found.spectrum).all()


@pytest.mark.parametrize("shape", [(63, 90, 3), (90, 63, 3), (90, 90), (90, 90, 4)])
def test_measure_features_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValueError):
        measure_features(np.zeros(shape, np.uint8))


def test_log_spectrum_of_white_noise_is_flat_at_its_variance(rng: np.random.Generator) -> None:
    found = log_spectrum(rng.normal(0, 5, (512, 512)).astype(np.float32))
    # The mean logarithm of exponential variables is Euler's constant below the logarithm of theirs.
    assert found[1:] == pytest.approx(np.log(25) - np.euler_gamma, abs=0.15)


def test_flat_noise_is_that_of_the_sensor(rng: np.random.Generator) -> None:
    levels = (100 + rng.normal(0, 4, (256, 256))[..., None]).repeat(3, axis=2).astype(np.float32)
    found = measure_flat_noise(levels, levels[..., 0])
    # The flattest tenth of the blocks: below the true level, and not by half.
    assert found is not None and 2.6 < found.level < 4 and 2.6 < found.fine < 4
    assert found.colour == pytest.approx(0, abs=1e-3) and found.shared == pytest.approx(1, abs=1e-3)
    assert np.isnan(found.by_brightness[0]) and np.isnan(found.by_brightness[2])
    assert max(map(abs, found.correlation)) < 0.2


def test_softness_does_not_take_noise_for_sharpness(rng: np.random.Generator) -> None:
    clean = make_photo("noisy", 192, noise=0.3)
    noisy = round_to_u8(clean + rng.normal(0, 2.0, clean.shape[:2])[..., None])
    before, after = (measure_features(each).measures["softness"] for each in (clean, noisy))
    raw = [measure_features(each).values for each in (clean, noisy)]
    assert abs(after - before) < 3 < 4.34 * (raw[1][6] - raw[0][6])


def _softness_of(blurred: Callable[[U8Array], U8Array]) -> float:
    photos = [make_photo(f"wide blur {number}", 128, noise=0.3) for number in range(3)]
    return float(np.mean([measure_features(blurred(each)).measures["softness"] for each in photos]))


@pytest.mark.parametrize("length", [4.0, 6.0, 9.0])
def test_softness_of_a_wide_blur_is_not_that_of_a_sharp_photo(length: float) -> None:
    """What a wide blur leaves at high frequencies falls little: lobes of motion, and rounding."""
    sigma = length / 12**0.5  # of the same width
    plain = _softness_of(lambda photo: photo)
    moved = _softness_of(lambda photo: move(photo, length, 0))
    round_one = _softness_of(lambda photo: np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma)))
    narrow = _softness_of(lambda photo: np.asarray(cv2.GaussianBlur(photo, (0, 0), 0.5)))
    assert plain + 2 < narrow < min(moved, round_one)
    assert moved < round_one, "motion leaves all detail across it"


def test_a_grey_photo_tells_nothing_of_its_colours() -> None:
    grey = make_photo("no colours")[..., :1].repeat(3, axis=2)
    measures = measure_features(grey).measures
    assert np.isnan(measures["colour softness"]) and measures["colour noise"] < 0.01
    assert np.isfinite(measures["softness"])


def test_mean_of_takes_what_some_windows_do_not_tell_from_others() -> None:
    flat = measure_features(np.zeros((64, 64, 3), np.uint8))
    photo = measure_features(make_photo("some"))
    both = PhotoFeatures.mean_of([flat, photo])
    assert np.isnan(flat.measures["noise"])
    assert both.measures["noise"] == photo.measures["noise"]


@pytest.mark.parametrize("shape", [(64, 64), (200, 64), (1000, 90), (777, 555)])
def test_windows_lie_inside_and_are_few(shape: tuple[int, int]) -> None:
    windows = windows_of(np.zeros((*shape, 3), np.uint8), 64)
    assert 1 <= len(windows) <= 9 and {each.shape for each in windows} == {(64, 64, 3)}
    assert len(spread_windows(np.zeros(shape, np.float32), 64, 16)) <= 16


def test_windows_of_refuses_a_photo_smaller_than_one() -> None:
    with pytest.raises(InvalidValueError, match="smaller"):
        windows_of(np.zeros((64, 60, 3), np.uint8), 64)
