from __future__ import annotations

import math

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.luma import luma_studio
from degrade.metrics import psnr, ssim
from tests.making import make_scene
from tests.rounding import gamma


def test_psnr_of_a_known_error() -> None:
    reference = make_scene("m", 40, 50)
    image = reference + 10 / 219  # 10 levels of Y
    # The sum above, and the difference from it, are rounded relative to values around 1.
    rounded = gamma(4) / (10 / 219)
    expected = 20 * math.log10(255 / 10)
    assert psnr(image, reference, border=4) == pytest.approx(
        expected, abs=20 / math.log(10) * rounded
    )
    assert psnr(reference, reference, border=0) == math.inf


def test_border_pixels_do_not_count() -> None:
    reference = make_scene("m", 40, 50)
    image = reference.copy()
    image[:3], image[-3:], image[:, :3], image[:, -3:] = 0, 1, 0, 1
    assert psnr(image, reference, border=3) == math.inf
    assert psnr(image, reference, border=2) < 40
    assert ssim(image, reference, border=3) == pytest.approx(1)


def ssim_of_one_window(first: np.ndarray, second: np.ndarray) -> float:
    """Return SSIM of 11 × 11 values, term by term as the paper has it."""
    offsets = np.arange(11) - 5
    taps = np.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    taps /= taps.sum()
    means = [(taps * plane).sum() for plane in (first, second)]
    variances = [
        (taps * (plane - mean) ** 2).sum()
        for plane, mean in zip((first, second), means, strict=True)
    ]
    covariance = (taps * (first - means[0]) * (second - means[1])).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return float(
        (2 * means[0] * means[1] + c1)
        * (2 * covariance + c2)
        / ((means[0] ** 2 + means[1] ** 2 + c1) * (variances[0] + variances[1] + c2))
    )


def test_ssim_is_the_mean_over_the_windows_inside(rng: np.random.Generator) -> None:
    first, second = rng.random((2, 16, 15, 3))
    expected = [
        ssim_of_one_window(
            luma_studio(first)[r : r + 11, c : c + 11], luma_studio(second)[r : r + 11, c : c + 11]
        )
        for r in range(1, 5)
        for c in range(1, 4)
    ]
    assert ssim(first, second, border=1) == pytest.approx(np.mean(expected), abs=1e-10)


def test_measures_refuse_images_that_cannot_be_compared() -> None:
    image = np.zeros((12, 20, 3))
    with pytest.raises(InvalidValueError, match="one shape"):
        psnr(image, image[1:], border=0)
    with pytest.raises(InvalidValueError, match="leave 1 pixel"):
        psnr(image, image, border=6)
    with pytest.raises(InvalidValueError, match="leave 11 pixels"):
        ssim(image, image, border=1)
