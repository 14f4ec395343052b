"""Filters learned in closed form do better than bicubic on what they were learned for."""

from __future__ import annotations

import functools
import operator

import numpy as np
import pytest

from degrade.arrays import FloatArray
from degrade.audit.filter_bank import FilterBank, fit_filters, sum_pair
from degrade.errors import InvalidValueError
from degrade.kernels import downsample, gaussian_kernel
from degrade.luma import luma
from degrade.resample import imresize
from tests.degrade.audit.scenes import make_scene

_SCALE = 2


def pair(name: str, sigma: float = 1.4) -> tuple[FloatArray, FloatArray]:
    hr = luma(make_scene(name, 128))
    return downsample(hr, gaussian_kernel(13, _SCALE, (sigma, sigma))), hr


def learned(names: range, sigma: float = 1.4) -> FilterBank:
    sums = (sum_pair(*pair(f"learn {i}", sigma)) for i in names)
    return fit_filters(functools.reduce(operator.add, sums))


def error(enlarged: FloatArray, hr: FloatArray) -> float:
    return float(np.square(enlarged - hr)[8:-8, 8:-8].mean())


def test_filters_enlarge_better_than_bicubic_and_best_for_their_own_blur() -> None:
    lr, hr = pair("judge")
    own, other = learned(range(5)), learned(range(5), sigma=0.6)
    right, wrong = error(own.enlarge(lr), hr), error(other.enlarge(lr), hr)
    assert right < 0.8 * wrong and right < 0.8 * error(imresize(lr, _SCALE), hr)


def test_sums_of_parts_are_those_of_the_whole() -> None:
    first, second = sum_pair(*pair("one")), sum_pair(*pair("two"))
    both = fit_filters(first + second).filters
    assert np.array_equal(both, fit_filters(second + first).filters)
    assert (first + second).count.sum() == 2 * 64 * 64


def test_a_flat_photo_stays_flat_and_few_samples_do_no_harm() -> None:
    bank = fit_filters(sum_pair(*pair("only")))
    flat = np.full((20, 31), 90, np.float32)
    assert np.allclose(bank.enlarge(flat), 90, atol=1e-3)
    lr, hr = pair("another")
    assert error(bank.enlarge(lr), hr) < 1.1 * error(imresize(lr, _SCALE), hr)


@pytest.mark.parametrize("shape", [(64, 65), (64, 96), (32, 32)])
def test_sides_that_do_not_fit_are_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(InvalidValueError, match="multiple"):
        sum_pair(np.zeros((32, 32), np.float32), np.zeros(shape, np.float32))


def test_sums_of_two_scales_are_refused() -> None:
    lr = np.zeros((16, 16), np.float32)
    sums = [sum_pair(lr, np.zeros((16 * s, 16 * s), np.float32)) for s in (2, 3)]
    with pytest.raises(InvalidValueError, match="scales differ"):
        sums[0] + sums[1]
