from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from degrade.kernels import (
    PHASE_TOLERANCE,
    BlurKernel,
    bicubic_kernel,
    compose_kernels,
    downsample,
    gaussian_kernel,
    kernel_sigmas,
    phase_centre,
)
from degrade.resample import imresize
from tests.degrade.kernels.kernel_strategies import gaussians, phase_offset, scales
from tests.rounding import gamma


@pytest.mark.parametrize("scale", [2, 3, 4, 5])
def test_bicubic_kernel_is_imresize_borders_included(rng: np.random.Generator, scale: int) -> None:
    image = rng.random((12 * scale, 15 * scale, 3)).astype(np.float32)
    kernel = bicubic_kernel(scale)
    difference = downsample(image, kernel) - imresize(image, 1 / scale)
    # The weights of one are rounded; then both results.
    assert np.abs(difference).max() < gamma(4) * np.abs(kernel.weights).sum()


@settings(max_examples=20, deadline=None)
@given(first=gaussians(), second=gaussians())
def test_compose_kernels_is_one_after_the_other(first: BlurKernel, second: BlurKernel) -> None:
    scale = first.scale * second.scale
    # Beyond the tolerance the result is centred anew, and no longer the two to the last digit.
    assume(phase_offset(first) + first.scale * phase_offset(second) < PHASE_TOLERANCE)
    composed = compose_kernels(first, second)
    assert composed.scale == scale
    side = 2 * (-(-composed.size // scale) + 3)
    image = np.random.default_rng(0).random((side * scale, side * scale)).astype(np.float32)
    in_two = downsample(downsample(image, first), second)
    in_one = downsample(image, composed)
    # Two borders are not one: only what neither kernel reads beyond an edge is the same.
    reach = -(-(composed.size // 2) // scale) + 1
    inner = (slice(reach, -reach),) * 2
    assume(in_one[inner].size > 0)
    # One rounds the composed weights twice and their sum, the other the image in between; both,
    # the results, on [0, 1].
    np.testing.assert_allclose(in_one[inner], in_two[inner], rtol=0, atol=gamma(8))


def test_compose_kernels_centres_what_adds_up_to_too_much() -> None:
    rows, columns = np.mgrid[:21, :21] - (phase_centre(21, 2) + 0.04)
    weights = np.exp(-(rows**2 + columns**2) / 4).astype(np.float32)
    kernel = BlurKernel(weights / weights.sum(), 2)
    assert phase_offset(kernel) == pytest.approx(0.04, abs=0.005)
    assert phase_offset(compose_kernels(kernel, kernel)) <= PHASE_TOLERANCE


@given(size=st.integers(0, 20), scale=scales)
def test_gaussian_kernel_has_the_sigmas_that_were_asked_for(size: int, scale: int) -> None:
    sigma = (2.0, 0.7 + size / 20)
    kernel = gaussian_kernel(31, scale, sigma, size / 5)
    assert kernel_sigmas(kernel.weights) == pytest.approx(sorted(sigma, reverse=True), abs=0.02)


@pytest.mark.parametrize("sigma", [(0.0, 1.0), (1.0, -1.0), (float("nan"), 1.0)])
def test_gaussian_kernel_refuses_other_sigmas(sigma: tuple[float, float]) -> None:
    with pytest.raises(InvalidValueError):
        gaussian_kernel(9, 2, sigma)
