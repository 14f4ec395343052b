"""The model against noise whose strength, grain and correlations are known."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from degrade.arrays import AnyArray, U8Array
from degrade.errors import InvalidValueError
from degrade.noise.cells import Cells, measure_cells, without_plane
from degrade.noise.grain import Grain, draw_grain
from degrade.noise.model import NoiseModel, fit_noise_model, make_noise
from degrade.noise.strength import LEVELS, Strength, fit_strength, sigma_at
from degrade.rng import rng_for

GRAIN = np.array([[0.2, 0.4, 0.2], [0.4, 1, 0.4], [0.2, 0.4, 0.2]])
GRAIN /= np.sqrt((GRAIN**2).sum())
LAG_1 = float((GRAIN[1:] * GRAIN[:-1]).sum())
TOGETHER = np.array([[1, 0.6, 0.4], [0.6, 1, 0.6], [0.4, 0.6, 1]])
SEEN = (LEVELS >= 40) & (LEVELS <= 210)


def variance_of(level: Any) -> Any:
    """Return a variance that rises, peaks at level 126 and falls."""
    return np.exp(np.log(9) + 1.2 * np.sin(np.asarray(level) / 80))


def patch(rng: np.random.Generator, level: float, side: int = 64, slope: float = 0.0) -> U8Array:
    white = rng.normal(size=(side + 6, side + 6, 3)) @ np.linalg.cholesky(TOGETHER).T
    grain = ndimage.convolve(white, GRAIN[..., None])[3:-3, 3:-3]
    rising = slope * np.arange(side)[:, None, None]
    noisy = level + rising + np.sqrt(variance_of(level)) * grain
    return np.rint(np.clip(noisy, 0, 255)).astype(np.uint8)


def photos_of(seed: int, count: int = 6, each: int = 6, slope: float = 0.0) -> list[list[U8Array]]:
    rng = rng_for(seed, "noise model")
    levels = rng.uniform(20, 230, (count, each))
    return [[patch(rng, level, slope=slope) for level in row] for row in levels]


@pytest.fixture(scope="module")
def model() -> NoiseModel:
    return fit_noise_model(photos_of(0))


def test_strength_is_that_of_the_patches(model: NoiseModel) -> None:
    wanted = variance_of(LEVELS) + 1 / 12  # they were rounded
    for strength in model.strengths:
        assert np.abs(strength.sigma**2 / wanted - 1)[SEEN].max() < 0.1
        assert (strength.low < strength.sigma).all() and (strength.sigma < strength.high).all()


def test_interval_is_honest() -> None:
    inside = []
    for seed in range(3):
        for strength in fit_noise_model(photos_of(seed, each=3)).strengths:
            truth = np.sqrt(variance_of(LEVELS) + 1 / 12)
            inside.append((strength.low <= truth) & (truth <= strength.high))
    assert np.mean(np.array(inside)[:, SEEN]) > 0.8
    assert np.mean(np.array(inside)[:, [0, -1]]) > 0.8  # beyond what was seen


def test_interval_widens_beyond_what_was_seen() -> None:
    rng = rng_for(0, "one level")
    model = fit_noise_model([[patch(rng, 100) for _ in range(4)]])
    for strength in model.strengths:
        assert len(strength.knots) == 1 and np.ptp(strength.sigma) < 1e-12
        width = strength.high / strength.low
        at = {level: width[level // 16] for level in (96, 160, 224)}
        assert at[160] / at[96] == pytest.approx(4, rel=0.25)
        assert at[224] / at[160] == pytest.approx(4, rel=1e-6)


def test_made_noise_has_strength_grain_and_correlation(model: NoiseModel) -> None:
    for level in (60, 126, 200):
        noise = make_noise(model, np.full((256, 256, 3), level, np.float32), 3).astype(float)
        assert noise.var(axis=(0, 1)) == pytest.approx([variance_of(level) + 1 / 12] * 3, rel=0.1)
        assert np.abs(noise.mean(axis=(0, 1))).max() < 0.2
        for axis in (0, 1):
            near = np.moveaxis(noise, axis, 0)
            lag = (near[1:] * near[:-1]).mean(axis=(0, 1)) / noise.var(axis=(0, 1))
            assert lag == pytest.approx([LAG_1] * 3, abs=0.05)
        assert np.corrcoef(noise.reshape(-1, 3).T) == pytest.approx(TOGETHER, abs=0.05)


def test_made_noise_never_repeats(model: NoiseModel) -> None:
    noise = make_noise(model, np.full((200, 200, 3), 90, np.float32), 1).mean(axis=2)
    spectrum = np.abs(np.fft.fft2(noise)) ** 2
    again = np.fft.ifft2(spectrum).real / spectrum.mean()
    again[:8, :8] = again[-8:, :8] = again[:8, -8:] = again[-8:, -8:] = 0
    assert np.abs(again).max() < 0.06
    other = make_noise(model, np.full((200, 200, 3), 90, np.float32), 2).mean(axis=2)
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 0.03


def test_slopes_are_taken_away(model: NoiseModel) -> None:
    sloping = fit_noise_model(photos_of(0, slope=0.2))
    # 13 levels within a patch move it along the curve a little.
    for flat, steep in zip(model.strengths, sloping.strengths, strict=True):
        assert np.abs(steep.sigma / flat.sigma - 1)[SEEN].max() < 0.12


def test_soft_texture_is_refused() -> None:
    rng = rng_for(0, "texture")
    photos = photos_of(1)
    soft = ndimage.gaussian_filter(rng.normal(0, 120, (64, 64, 1)), (4, 4, 0))
    textured = [np.clip(p + soft, 0, 255).round().astype(np.uint8) for p in photos[0] + photos[1]]
    model = fit_noise_model([*photos, textured])
    raw = measure_cells([textured]).variances.mean()
    clean = measure_cells([photos[0] + photos[1]]).variances.mean()
    assert raw > 1.5 * clean
    wanted = variance_of(LEVELS) + 1 / 12
    for strength in model.strengths:
        assert abs(np.log(strength.sigma**2 / wanted)[SEEN].mean()) < 0.1


def test_no_photo_counts_more_than_twice_the_median() -> None:
    rng = rng_for(0, "shares")
    few = [[patch(rng, 100)] for _ in range(4)]
    loud = [np.rint(100 + 2.0 * (patch(rng, 100).astype(float) - 100)) for _ in range(12)]
    crowd = [p.clip(0, 255).astype(np.uint8) for p in loud]
    alike = fit_noise_model([*few, *([p] for p in crowd)]).strengths[1].sigma[6]
    assert fit_noise_model([*few, crowd]).strengths[1].sigma[6] < 0.9 * alike


def test_tint_changes_the_strength() -> None:
    rng = rng_for(0, "tint")
    means = rng.uniform(30, 220, (300, 3))
    truth = np.exp(2 + (means[:, 0] - means[:, 1]) / 128)
    variances = np.repeat((truth * rng.gamma(20, 1 / 20, 300))[:, None], 3, axis=1)
    number = np.arange(300)
    cells = Cells(np.empty((300, 0, 0, 3)), means, variances, np.ones(300), number, number)
    strength = fit_strength(cells, np.ones(300), 1)
    image = np.array([[[180, 100, 90], [100, 100, 90], [40, 100, 90]]], np.float32)
    grey = Strength(LEVELS * 0 + 1.0, strength.low, strength.high, np.ones((3, 33)), ())
    sigma = sigma_at((grey, strength, grey), image)
    assert sigma[..., 0].tolist() == [[1, 1, 1]]
    wanted = np.exp(2 + (image[0, :, 0] - 100) / 128)
    assert sigma[0, :, 1] ** 2 == pytest.approx(wanted, rel=0.1)


def test_too_little_is_refused() -> None:
    dark = np.zeros((64, 64, 3), np.uint8)
    flat = np.full((64, 64, 3), 90, np.uint8)
    for photos in ([], [[]], [[dark, flat]], [[patch(rng_for(0, "few"), 90, side=32)]]):
        with pytest.raises(InvalidValueError, match="needs 8 flat cells of 16×16 pixels, got"):
            fit_noise_model(photos)


def test_planes_leave_nothing_of_planes() -> None:
    rows, columns = np.mgrid[:16, :16]
    plane = np.repeat((3.0 + 2 * rows - columns)[None, ..., None], 3, axis=3)
    assert np.abs(without_plane(plane)).max() < 1e-12


def test_grain_has_the_same_bits_everywhere() -> None:
    taps: AnyArray = np.array([[[0, 1, 2], [3, 200, 3], [2, 1, 0]]] * 3)
    grain = Grain(
        np.pad(taps, ((0, 0), (2, 2), (2, 2))), np.array([[32, 0, 0], [20, 25, 0], [9, 9, 29]])
    )
    noise = draw_grain(grain, 30, 41, 2**35)
    digest = hashlib.sha256(noise.astype("<f4").tobytes()).hexdigest()
    assert digest == "2f0202b5ab7ef431f6a27c1b1629519933281b6bf4995a609c7c5071c6f0ca02"
