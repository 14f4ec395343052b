from __future__ import annotations

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.kernels import crop_or_pad_kernel, gaussian_kernel, repair_kernel
from degrade.kernels.estimates import (
    GOOD_WIDTH,
    KernelEstimate,
    confidence_of,
    error_energy,
    kpsnr_of,
    share_estimates,
)


def estimate(sigma: float, kpsnr: float = 48.0, *, size: int = 17, seed: int = 0) -> KernelEstimate:
    """Return a Gaussian with noise on its taps, as strong as ``kpsnr`` says."""
    clean = gaussian_kernel(size, 2, (sigma, sigma)).weights
    noise = np.random.default_rng(seed).standard_normal(clean.shape)
    noise -= noise.mean()
    noise *= np.sqrt(error_energy(kpsnr) / np.square(noise).sum())
    kernel, _ = repair_kernel(clean + noise, 2)
    confidence = confidence_of(kpsnr, kernel.weights, 3)
    return KernelEstimate(kernel, "spectral", kpsnr, confidence, seconds=0.1)


def distance(one: KernelEstimate, sigma: float) -> float:
    truth = gaussian_kernel(17, 2, (sigma, sigma)).weights
    return float(np.square(crop_or_pad_kernel(one.kernel.weights, 17) - truth).sum())


def test_confidence_of_is_a_half_at_the_limit_and_grows() -> None:
    weights = gaussian_kernel(17, 2, (1.5, 1.5)).weights
    limit = kpsnr_of(2 * GOOD_WIDTH**2 * float(np.square(weights).sum()))
    assert confidence_of(limit, weights, 2.0) == pytest.approx(0.5, abs=1e-4)
    values = [confidence_of(kpsnr, weights, 2.0) for kpsnr in range(30, 60)]
    assert values == sorted(values)
    assert 0 <= values[0] < 0.01
    assert 0.99 < values[-1] <= 1


@pytest.mark.parametrize("share", [-0.2, 0.2])
def test_confidence_of_judges_sharp_and_blurred_kernels_alike(share: float) -> None:
    said = []
    for sigma in (1.2, 2.5, 5.0):
        truth, wrong = (
            gaussian_kernel(61, 2, (s, s)).weights for s in (sigma, (1 + share) * sigma)
        )
        kpsnr = kpsnr_of(float(np.square(truth - wrong).sum()))
        said.append(confidence_of(kpsnr, wrong, 4.5))
    assert said == pytest.approx([said[0]] * 3, abs=0.02)
    assert said[0] == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize("kpsnr", [20.0, 45.5, 60.0])
def test_kpsnr_of_undoes_error_energy(kpsnr: float) -> None:
    assert kpsnr_of(error_energy(kpsnr)) == pytest.approx(kpsnr)


def test_share_estimates_comes_closer_than_its_members() -> None:
    members = [estimate(1.5, seed=seed) for seed in range(6)]
    shared = share_estimates(members, spread=3)
    assert shared.outliers == ()
    assert distance(shared.estimate, 1.5) < 0.4 * min(distance(one, 1.5) for one in members)
    assert 48 < shared.estimate.expected_kpsnr < 56
    assert shared.estimate.confidence > members[0].confidence


def test_share_estimates_leaves_out_the_photo_of_another_camera() -> None:
    members = [estimate(1.5, seed=seed) for seed in range(5)]
    members.insert(2, estimate(0.7, seed=9))
    shared = share_estimates(members, spread=3)
    assert shared.outliers == (2,)
    assert shared.estimate.statistics == {"photos": 5.0, "outliers": 1.0}


def test_share_estimates_follows_the_sure_ones() -> None:
    members = [estimate(1.5, 52), estimate(1.8, 40, seed=1), estimate(1.8, 40, seed=2)]
    kernel = share_estimates(members, spread=3).estimate
    assert distance(kernel, 1.5) < distance(kernel, 1.8)


def test_share_estimates_takes_kernels_of_different_sizes() -> None:
    shared = share_estimates([estimate(1.2, size=13), estimate(1.2, seed=1)], spread=3)
    assert shared.estimate.kernel.weights.sum(dtype=np.float64) == pytest.approx(1)


def test_share_estimates_keeps_at_least_half() -> None:
    members = [estimate(sigma, 60) for sigma in (0.6, 1.0, 1.5, 2.2)]
    assert len(share_estimates(members, spread=3).outliers) <= 2


def test_share_estimates_refuses_a_single_photo() -> None:
    with pytest.raises(InvalidValueError, match="at least two photos"):
        share_estimates([estimate(1.5)], spread=3)


@pytest.mark.parametrize("kpsnr", [-5000.0, -1e300])
def test_error_energy_of_what_no_estimate_expects_is_finite(kpsnr: float) -> None:
    assert error_energy(kpsnr) == error_energy(-100.0) < 1e13
