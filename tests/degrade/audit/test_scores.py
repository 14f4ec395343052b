"""Scores allow for what they say: a shift, a gain, an offset."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from degrade.audit.scores import score_planes
from degrade.errors import InvalidValueError
from degrade.luma import luma_studio
from degrade.metrics import psnr, ssim
from degrade.metrics.gradients import gmsd_of_planes
from tests.degrade.audit.scenes import make_photo


def planes(name: str) -> tuple[np.ndarray, np.ndarray]:
    hr = luma_studio(make_photo(name))
    return ndimage.gaussian_filter(hr, 1.0), hr


def test_psnr_and_ssim_are_those_of_the_field() -> None:
    hr, sr = make_photo("field"), make_photo("field", noise=3)
    found = score_planes(luma_studio(sr), luma_studio(hr), border=4)
    assert found.psnr == pytest.approx(psnr(sr, hr, border=4), abs=1e-9)
    assert found.ssim == pytest.approx(ssim(sr, hr, border=4), abs=1e-9)


def test_shift_gain_and_offset_are_forgiven_where_the_name_says_so() -> None:
    sr, hr = planes("moved")
    before = score_planes(sr, hr, border=4)
    moved = score_planes(ndimage.shift(sr, (0.3, -0.2), order=3), hr, border=4)
    assert moved.psnr < before.psnr - 0.5
    assert moved.shifted == pytest.approx(before.shifted, abs=0.3)
    brighter = score_planes(1.05 * sr + 3, hr, border=4)
    assert brighter.calibrated == pytest.approx(before.calibrated, abs=1e-6)
    assert brighter.psnr < before.psnr - 1
    assert before.psnr <= before.shifted <= before.calibrated


def test_equal_planes_have_the_best_scores() -> None:
    _, hr = planes("equal")
    found = score_planes(hr, hr, border=4)
    assert math.isinf(found.psnr) and found.ssim == pytest.approx(1) and found.gmsd == 0


def test_gmsd_rises_with_blur() -> None:
    sr, hr = planes("blur")
    assert 0 < gmsd_of_planes(sr, hr) < gmsd_of_planes(ndimage.gaussian_filter(hr, 2.0), hr) < 1


def test_gmsd_is_that_of_its_formula_where_it_can_be_told_by_hand() -> None:
    """Two steps, one half as high: the similarity is 1 but beside the step, of 2 columns in 16."""
    step = np.zeros((32, 32))
    step[:, 16:] = 90
    # Prewitt over 3: each pixel beside the step has a third of three times 90.
    alike = (2 * 90 * 45 + 170) / (90**2 + 45**2 + 170)
    expected = np.sqrt((2 / 16) * (14 / 16)) * (1 - alike)
    assert gmsd_of_planes(step, step / 2) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("shape", "border"), [((20, 20), 4), ((40, 40), 0), ((40, 41), 4)])
def test_planes_that_cannot_be_compared_are_refused(shape: tuple[int, int], border: int) -> None:
    with pytest.raises(InvalidValueError, match="needed"):
        score_planes(
            np.zeros(shape), np.zeros((40, 40) if shape[1] == 41 else shape), border=border
        )
