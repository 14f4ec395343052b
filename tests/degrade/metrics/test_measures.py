"""The measures against scikit-image, against plain formulas, and on images larger than a strip."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage, signal
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from degrade.arrays import U8Array, round_to_u8
from degrade.errors import InvalidValueError
from degrade.luma import luma_studio
from degrade.metrics import gmsd, ms_ssim, planes, psnr, psnr_rgb, ssim, ssim_rgb
from degrade.metrics.alignment import align
from degrade.metrics.measures import MEASURES, measure_pair
from tests.making import make_scene

BORDER = 3


def make_pair(name: str, height: int = 200, width: int = 230) -> tuple[U8Array, U8Array]:
    hr = make_scene(name, height, width) * 255
    rng = np.random.default_rng(5)
    sr = ndimage.gaussian_filter(hr, (1.3, 1.3, 0)) + rng.normal(0, 3, hr.shape)
    return round_to_u8(sr), round_to_u8(hr)


def inner(image: U8Array) -> U8Array:
    return image[BORDER:-BORDER, BORDER:-BORDER]


def test_psnr_and_ssim_are_those_of_scikit_image() -> None:
    sr, hr = make_pair("field")
    parts = inner(hr), inner(sr)
    settings = {
        "gaussian_weights": True,
        "sigma": 1.5,
        "use_sample_covariance": False,
        "data_range": 255,
    }
    assert psnr_rgb(sr, hr, border=BORDER) == pytest.approx(
        peak_signal_noise_ratio(*parts), abs=1e-4
    )
    expected = structural_similarity(*parts, channel_axis=2, **settings)
    assert ssim_rgb(sr, hr, border=BORDER) == pytest.approx(expected, abs=1e-4)
    lumas = [luma_studio(part) for part in parts]
    expected = structural_similarity(*lumas, **settings)
    assert ssim(sr, hr, border=BORDER) == pytest.approx(expected, abs=1e-4)
    expected = peak_signal_noise_ratio(*lumas, data_range=255)
    assert psnr(sr, hr, border=BORDER) == pytest.approx(expected, abs=1e-4)


def plain_ms_ssim(first: np.ndarray, second: np.ndarray) -> float:
    """Return MS-SSIM term by term, by two-dimensional convolutions."""
    offsets = np.arange(11) - 5
    window = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 1.5**2))
    window /= window.sum()
    result = 1.0
    for number, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        mean = [signal.convolve2d(p, window, "valid") for p in (first, second)]
        power = [signal.convolve2d(p * p, window, "valid") for p in (first, second)]
        shared = signal.convolve2d(first * second, window, "valid") - mean[0] * mean[1]
        spread = power[0] - mean[0] ** 2 + power[1] - mean[1] ** 2
        term = (2 * shared + 0.03**2 * 255**2) / (spread + 0.03**2 * 255**2)
        if number == 4:
            term *= (2 * mean[0] * mean[1] + 0.01**2 * 255**2) / (
                mean[0] ** 2 + mean[1] ** 2 + 0.01**2 * 255**2
            )
        result *= max(term.mean(), 0) ** weight
        first, second = (
            sum(
                p[i : p.shape[0] // 2 * 2 : 2, j : p.shape[1] // 2 * 2 : 2]
                for i in (0, 1)
                for j in (0, 1)
            )
            / 4
            for p in (first, second)
        )
    return float(result)


def test_ms_ssim_is_that_of_its_formula() -> None:
    sr, hr = make_pair("scales", 187, 201)
    lumas = [luma_studio(inner(image)) for image in (sr, hr)]
    assert ms_ssim(sr, hr, border=BORDER) == pytest.approx(plain_ms_ssim(*lumas), abs=1e-9)
    assert ms_ssim(hr, hr, border=BORDER) == pytest.approx(1)


def test_ms_ssim_of_opposite_images_is_a_number() -> None:
    hr = make_pair("opposite")[1]
    assert ms_ssim(255 - hr, hr, border=0) == 0
    assert ssim(255 - hr, hr, border=0) < 0


def test_figures_do_not_depend_on_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    sr, hr = make_pair("strips", 215, 190)
    whole = measure_pair(sr, hr, border=BORDER)
    strips = planes.strips_of
    for module in ("fidelity", "structure", "gradients", "alignment"):
        monkeypatch.setattr(
            f"degrade.metrics.{module}.strips_of",
            lambda *sides, **settings: strips(*sides, **{**settings, "pixels": 190 * 23}),
        )
    cut = measure_pair(sr, hr, border=BORDER)
    assert cut == pytest.approx(whole, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("shift", [(0.3, -0.2), (-0.45, 0.5), (1.5, -1.5), (3.1, 2.7)])
def test_a_planted_shift_is_found_and_forgiven(shift: tuple[float, float]) -> None:
    hr = ndimage.gaussian_filter(make_scene("moved", 120, 140) * 255, (1, 1, 0))
    sr = hr + np.random.default_rng(1).normal(0, 2, hr.shape)
    before = align(round_to_u8(sr), round_to_u8(hr), border=8)
    moved = ndimage.shift(sr, (*shift, 0), order=5, mode="mirror")
    found = align(round_to_u8(moved), round_to_u8(hr), border=8)
    assert found.shift == pytest.approx((-shift[0], -shift[1]), abs=0.04)
    plain = psnr(round_to_u8(moved), round_to_u8(hr), border=8)
    assert plain < before.aligned - 1
    # Moving between pixels smooths noise, which here is all of the error.
    assert before.aligned - 0.15 < found.aligned < before.aligned + 2.5


def test_gain_and_offset_of_each_colour_are_found_and_forgiven() -> None:
    sr, hr = make_pair("levels")
    before = align(sr, hr, border=BORDER)
    changed = sr.astype(np.float64) * (0.9, 1.0, 0.95) + (12, -6, 4)
    found = align(changed / 255, hr / 255, border=BORDER)
    assert found.calibrated == pytest.approx(before.calibrated, abs=0.02)
    assert found.aligned < before.aligned - 0.5
    gains = np.array(before.gains) / (0.9, 1.0, 0.95)
    assert found.gains == pytest.approx(tuple(gains), rel=0.01)


def test_equal_images_are_perfect_and_flat_ones_have_nothing_to_hold_on_to() -> None:
    hr = make_pair("equal")[1]
    found = measure_pair(hr, hr, border=BORDER)
    for name in ("psnr", "psnr_rgb", "aligned", "calibrated"):
        assert found[name] == math.inf
    assert found["ssim"] == pytest.approx(1) and found["gmsd"] == 0
    flat = np.full((60, 60, 3), 90, np.uint8)
    lies = align(flat, flat + np.uint8(10), border=2)
    assert lies.shift == (0, 0) and lies.calibrated > 90 and math.isfinite(lies.aligned)


def test_small_images_have_what_they_can_have() -> None:
    sr, hr = make_pair("small", 20, 24)
    found = measure_pair(sr, hr, border=2)
    assert "ms_ssim" not in found and {"psnr", "ssim", "gmsd", "aligned"} <= found.keys()
    with pytest.raises(InvalidValueError, match="leave 11 pixels"):
        measure_pair(sr, hr, border=6)
    with pytest.raises(InvalidValueError, match="one shape"):
        measure_pair(sr, hr[1:], border=2)


def test_better_is_where_the_table_says(rng: np.random.Generator) -> None:
    sr, hr = make_pair("better")
    worse = round_to_u8(sr + rng.normal(0, 12, sr.shape))
    first, second = (measure_pair(image, hr, border=2) for image in (sr, worse))
    for name, measure in MEASURES.items():
        if name in first:
            assert (first[name] > second[name]) is measure.higher_is_better, name


def test_gmsd_of_float_images_is_that_of_levels() -> None:
    sr, hr = make_pair("float")
    assert gmsd(sr / 255, hr / 255, border=2) == pytest.approx(gmsd(sr, hr, border=2), abs=1e-9)
