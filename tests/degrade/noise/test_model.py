"""The model against noise whose strength, grain and correlations are known."""

from __future__ import annotations

import hashlib
import json

import msgspec
import numpy as np
import pytest

from degrade.arrays import AnyArray
from degrade.disk.structs import read_struct
from degrade.noise.grain import draw_grain
from degrade.noise.model import FittedNoise, NoiseModel, fit_noise, make_noise, sigma_at
from degrade.noise.statistics import ColourNoise, ColourTable, measure_noise
from degrade.noise.strength import LEVELS, fit_strength
from degrade.rng import rng_for
from tests.degrade.noise.planted import (
    LAG_1,
    TOGETHER,
    flat_levels,
    grain_of,
    noisy_photo,
    variance_of,
)

SEEN = (LEVELS >= 40) & (LEVELS <= 210)
"""Strength, by the channels' own table."""


@pytest.fixture(scope="module")
def fitted() -> FittedNoise:
    return fit_noise([measure_noise(noisy_photo(name), camera="X1") for name in "abcd"])


def test_strength_is_that_of_the_photos(fitted: FittedNoise) -> None:
    for strength in fitted.strengths:
        assert np.abs(strength.sigma**2 / variance_of(LEVELS) - 1)[SEEN].max() < 0.1
        assert (strength.low < strength.sigma).all() and (strength.sigma < strength.high).all()
        assert len(strength.knots) == 5


def test_interval_holds_the_truth_nearly_always() -> None:
    inside = []
    for start in range(4):
        photos = [measure_noise(noisy_photo(f"i{start}{n}", width=192)) for n in range(2)]
        for strength in fit_noise(photos).strengths:
            truth = np.sqrt(variance_of(LEVELS))
            inside.append((strength.low <= truth) & (truth <= strength.high))
    assert np.mean(np.array(inside)[:, SEEN]) > 0.9
    assert np.mean(np.array(inside)[:, [0, -1]]) > 0.8  # beyond what was seen


def test_interval_widens_beyond_what_was_seen() -> None:
    model = fit_noise([measure_noise(noisy_photo("one", low=100, high=101))])
    for strength in model.strengths:
        assert len(strength.knots) == 1 and np.ptp(strength.sigma) < 1e-12
        width = strength.high / strength.low
        at = {level: width[level // 16] for level in (96, 160, 224)}
        assert at[160] / at[96] == pytest.approx(4, rel=0.3)
        assert at[224] / at[160] == pytest.approx(4, rel=1e-6)


def test_made_noise_has_strength_grain_and_correlation(fitted: FittedNoise) -> None:
    for level in (60, 126, 200):
        levels = np.full((256, 256, 3), level, np.float32)
        noise = make_noise(fitted.model, levels, 3).astype(float)
        assert noise.var(axis=(0, 1)) == pytest.approx([variance_of(level)] * 3, rel=0.1)
        assert np.abs(noise.mean(axis=(0, 1))).max() < 0.2
        for axis in (0, 1):
            near = np.moveaxis(noise, axis, 0)
            lag = (near[1:] * near[:-1]).mean(axis=(0, 1)) / noise.var(axis=(0, 1))
            assert lag == pytest.approx([LAG_1] * 3, abs=0.05)
        assert np.corrcoef(noise.reshape(-1, 3).T) == pytest.approx(TOGETHER, abs=0.05)


def test_made_noise_measured_again_gives_the_same_model(fitted: FittedNoise) -> None:
    again = []
    for number, name in enumerate("efgh"):
        levels = flat_levels(name)
        noisy = levels + make_noise(fitted.model, levels, number)
        again.append(measure_noise(np.rint(np.clip(noisy, 0, 255)).astype(np.uint8)))
    found = fit_noise(again)
    for first, second in zip(fitted.strengths, found.strengths, strict=True):
        assert np.abs(np.log(second.sigma**2 / first.sigma**2))[SEEN].max() < 0.12
    grains = np.array(found.measured.grain) - np.array(fitted.measured.grain)
    assert np.abs(grains).max() < 0.05


def test_made_noise_never_repeats(fitted: FittedNoise) -> None:
    levels = np.full((200, 200, 3), 90, np.float32)
    noise = make_noise(fitted.model, levels, 1).mean(axis=2)
    spectrum = np.abs(np.fft.fft2(noise)) ** 2
    again = np.fft.ifft2(spectrum).real / spectrum.mean()
    again[:8, :8] = again[-8:, :8] = again[:8, -8:] = again[-8:, -8:] = 0
    assert np.abs(again).max() < 0.06
    other = make_noise(fitted.model, levels, 2).mean(axis=2)
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 0.03


def test_made_noise_follows_the_brightness_from_pixel_to_pixel(fitted: FittedNoise) -> None:
    levels = np.full((128, 256, 3), 30, np.float32)
    levels[:, 128:] = 126
    noise = make_noise(fitted.model, levels, 5)
    for part, level in ((noise[:, :128], 30), (noise[:, 128:], 126)):
        assert part.var(axis=(0, 1)) == pytest.approx([variance_of(level)] * 3, rel=0.15)


def test_correlation_of_channels_may_depend_on_brightness() -> None:
    levels = flat_levels("mixed", 512, 512)
    rng = rng_for(0, "mixed")
    grain = grain_of(rng, 512, 512)
    shared = grain[..., 1:2]
    share = np.clip(levels / 255, 0, 1)  # the brighter, the more alike
    noisy = levels + 3 * (share * shared + np.sqrt(1 - share**2) * grain_of(rng, 512, 512))
    model = fit_noise([measure_noise(np.rint(np.clip(noisy, 0, 255)).astype(np.uint8))]).model
    for level in (60, 200):
        one = np.full((256, 256, 3), level, np.float32)
        made = np.corrcoef(make_noise(model, one, 1).reshape(-1, 3).T)
        share = (level / 255) ** 2
        wanted = share + (1 - share) * TOGETHER
        assert made == pytest.approx(wanted, abs=0.08)


def test_chroma_of_another_grain_keeps_it() -> None:
    # Fine noise that all channels share, coarse noise of their own.
    levels, rng = flat_levels("chroma", 512, 512), rng_for(0, "chroma")
    fine = rng.normal(size=(512, 512, 1))
    coarse = grain_of(rng, 512, 512) @ np.linalg.inv(np.linalg.cholesky(TOGETHER)).T
    noisy = np.rint(np.clip(levels + 2.5 * fine + 2.5 * coarse, 0, 255)).astype(np.uint8)
    model = fit_noise([measure_noise(noisy)]).model
    made = make_noise(model, np.full((512, 512, 3), 128, np.float32), 4)
    beside = np.corrcoef(made[:, 1:, 0].ravel(), made[:, :-1, 1].ravel())[0, 1]
    here = np.corrcoef(made[..., 0].ravel(), made[..., 1].ravel())[0, 1]
    own = np.corrcoef(made[:, 1:, 0].ravel(), made[:, :-1, 0].ravel())[0, 1]
    assert here == pytest.approx(0.5, abs=0.05)
    assert beside == pytest.approx(0, abs=0.05)
    assert own == pytest.approx(LAG_1 / 2, abs=0.05)


def test_grey_noise_stays_grey() -> None:
    grey = np.repeat(noisy_photo("grey")[..., 1:2], 3, axis=2)
    made = make_noise(
        fit_noise([measure_noise(grey)]).model, np.full((64, 64, 3), 90, np.float32), 1
    )
    assert np.corrcoef(made.reshape(-1, 3).T).min() > 0.99
    assert np.abs(made - made[..., :1]).max() < 0.1 * made.std()


def test_tint_changes_the_strength() -> None:
    rng = rng_for(0, "tint")
    means = rng.uniform(30, 220, (300, 3))
    truth = np.exp(2 + (means[:, 0] - means[:, 1]) / 128)
    variances = np.repeat((truth * rng.gamma(20, 1 / 20, 300))[:, None], 3, axis=1)
    table = ColourTable(means, variances, variances * 0, np.full(300, 10.0))
    strength = fit_strength(table, 1)
    for red, wanted in ((180, 1), (100, 0), (40, -1)):
        at = [
            np.interp(level, LEVELS, strength.factors[c]) for c, level in enumerate((red, 100, 90))
        ]
        assert np.prod(at) ** 2 == pytest.approx(np.exp(2 + (red - 100) / 128), rel=0.12), wanted


def test_sigma_is_held_between_what_was_seen(fitted: FittedNoise) -> None:
    odd = np.array([[[0, 255, 0], [255, 0, 255], [255, 255, 0]]], np.uint8)
    sigma = sigma_at(fitted.model.strength, odd)
    for channel, one in enumerate(fitted.model.strength):
        assert sigma[..., channel].min() >= one.least / 1024
        assert sigma[..., channel].max() <= one.most / 1024


def test_one_colour_is_enough() -> None:
    one = ColourNoise(100, 100, 100, 4, 3, 5, 2, 1, 2, 8)
    table = ColourTable(
        *(np.array([part], float) for part in (one[:3], one[3:6], one[6:9])), np.array([8.0])
    )
    assert fit_strength(table, 0).sigma == pytest.approx(np.full(17, 2), rel=1e-3)


def test_model_is_small_as_json_and_read_back(fitted: FittedNoise) -> None:
    text = json.dumps(msgspec.to_builtins(fitted.model), separators=(",", ":"))
    assert len(text) < 2000
    assert read_struct(json.loads(text), NoiseModel, "model") == fitted.model
    assert fitted.to_json()["grey"][1]["levels"][1] == 16
    assert "green σ" in fitted.words() and fitted.model.words().count(",") == 6


def test_noise_has_the_same_bits_everywhere() -> None:
    tap = [200, 60, 9, 1, -3, 8, 20, 60, 20, 8, -3, 1, 2, 3, 9, 3, 2, 1, 0, 1, 2, 1, 2, 1, 0]
    table = [900 + 37 * n * n % 2000 for n in range(17)]
    other = [4096 + 100 * n for n in range(9)]
    strength = {"own": table, "next": other, "last": other[::-1], "least": 700, "most": 3500}
    mixing = [[64, n, 60 - n, -n, 3, 50 + n] for n in range(9)]
    data = {
        "strength": [strength] * 3,
        "grain": {"taps": [tap, *[tap[::-1]] * 5], "mixing": mixing},
    }
    model = read_struct(data, NoiseModel, "model")
    levels: AnyArray = rng_for(0, "levels").integers(-10, 270, (30, 41, 3)).astype(np.float32)
    noise = make_noise(model, levels, 2**35)
    digest = hashlib.sha256(noise.astype("<f4").tobytes()).hexdigest()
    assert digest == "ccdeb7e18ce3257817da47a9dac8232d60638980c0af664efdd738fd9f503cb9"
    grey = np.full((5, 7), 100, np.uint8)
    assert draw_grain(model.grain, grey, 1).shape == (5, 7, 3)
