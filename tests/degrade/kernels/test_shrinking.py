"""Kernels of one camera: how far each is moved towards their mean."""

from __future__ import annotations

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.kernels import BlurKernel, crop_or_pad_kernel, gaussian_kernel, phase_centre
from degrade.kernels.kernel import centre_of_mass
from degrade.kernels.metrics import kernel_psnr
from degrade.kernels.shrinking import shrink_kernels
from degrade.rng import rng_for


def _round(sigma: float, size: int = 21) -> BlurKernel:
    return gaussian_kernel(size, 2, (sigma, sigma))


def test_shrink_kernels_moves_three_quarters_where_errors_explain_the_scatter() -> None:
    kernels = [_round(1.5), _round(1.52), _round(1.54)]
    shrunk = shrink_kernels(kernels, [40.0, 40.0, 40.0])
    assert [one.share for one in shrunk] == [0.75, 0.75, 0.75]
    # Half of the error was common to all, and a quarter of the rest is left.
    assert [one.expected_kpsnr for one in shrunk] == pytest.approx([40 + 10 * np.log10(8 / 5)] * 3)


def test_shrink_kernels_leaves_kernels_that_are_sure_and_differ() -> None:
    kernels = [_round(1.0), _round(1.5), _round(2.5)]
    shrunk = shrink_kernels(kernels, [75.0, 75.0, 75.0])
    for one, own in zip(shrunk, kernels, strict=True):
        assert one.share == 0
        assert kernel_psnr(one.kernel.weights, own.weights) > 60


def test_shrink_kernels_moves_the_less_sure_further() -> None:
    shrunk = shrink_kernels([_round(1.0), _round(1.6), _round(2.4)], [50.0, 52.0, 58.0])
    shares = [one.share for one in shrunk]
    assert 0.75 > shares[0] > shares[1] > shares[2] > 0


def test_shrink_kernels_brings_noisy_estimates_of_a_camera_nearer_to_the_truth() -> None:
    rng = rng_for(0, "a camera of several focuses")
    truths = [_round(sigma) for sigma in rng.normal(1.6, 0.08, 12)]
    said = [_round(float(sigma)) for sigma in rng.normal(1.6, 0.3, 12).clip(0.9)]
    before = [kernel_psnr(a.weights, b.weights) for a, b in zip(said, truths, strict=True)]
    after = [
        kernel_psnr(one.kernel.weights, truth.weights)
        for one, truth in zip(shrink_kernels(said, [43.0] * 12), truths, strict=True)
    ]
    assert np.mean(after) > np.mean(before) + 1.5


def test_shrink_kernels_keeps_sum_and_phase_of_kernels_of_several_sizes() -> None:
    kernels = [_round(1.2, 13), _round(2.4, 25), gaussian_kernel(17, 2, (2.0, 1.0), 0.7)]
    for one in shrink_kernels(kernels, [44.0] * 3):
        weights = one.kernel.weights
        assert weights.sum(dtype=np.float64) == pytest.approx(1, abs=1e-6)
        wanted = [phase_centre(len(weights), 2)] * 2
        assert centre_of_mass(weights) == pytest.approx(wanted, abs=0.01)


def test_shrink_kernels_needs_two_of_one_scale() -> None:
    for kernels in ([_round(1.5)], [_round(1.5), gaussian_kernel(21, 3, (2, 2))]):
        with pytest.raises(InvalidValueError, match="two or more of one scale"):
            shrink_kernels(kernels, [45.0] * len(kernels))


def test_shrink_kernels_gives_a_kernel_between_its_own_and_the_mean() -> None:
    kernels = [_round(1.2), _round(1.9), _round(1.5)]
    mean = np.mean([kernel.weights for kernel in kernels], axis=0)
    for one, own in zip(shrink_kernels(kernels, [46.0] * 3), kernels, strict=True):
        wanted = own.weights + one.share * (mean - own.weights)
        weights = crop_or_pad_kernel(one.kernel.weights, own.size)
        assert np.abs(weights - wanted).max() < 1e-3
