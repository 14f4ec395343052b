from __future__ import annotations

import numpy as np
import pytest

from degrade.kernels import bicubic_kernel, gaussian_kernel
from degrade.spectral.lobes import bound_lobes


def ringed(depth: float, side: int = 33) -> np.ndarray:
    """Return a round kernel whose negative ring sums to about ``depth``."""
    core, wide = (
        gaussian_kernel(side, 4, (sigma, sigma)).weights.astype(np.float64) for sigma in (2.0, 3.6)
    )
    for amount in np.linspace(0, 6, 601):
        weights = (1 + amount) * core - amount * wide
        if -weights[weights < 0].sum() >= depth:
            break
    return np.asarray(weights, np.float32)


def depth_of(weights: np.ndarray) -> float:
    return float(-weights[weights < 0].sum())


@pytest.mark.parametrize("depth", [0.05, 0.2, 0.4, 0.8])
def test_bound_lobes_keeps_shallow_rings_and_bounds_deep_ones(depth: float) -> None:
    weights = ringed(depth)
    bounded = bound_lobes(weights)
    assert bounded.sum(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    assert 0.5 * min(depth, 0.3) < depth_of(bounded) <= 1.05 * min(depth, 0.3)


def test_bound_lobes_leaves_a_resizing_filter_as_it_is() -> None:
    weights = bicubic_kernel(4).weights
    assert depth_of(weights) > 0.1
    np.testing.assert_allclose(bound_lobes(weights), weights, atol=1e-3 * weights.max())


def test_bound_lobes_leaves_a_kernel_without_them_as_it_is() -> None:
    weights = gaussian_kernel(17, 2, (1.6, 0.9), 0.4).weights
    np.testing.assert_array_equal(bound_lobes(weights), weights)


def test_bound_lobes_keeps_a_kernel_even() -> None:
    weights = ringed(0.5)
    bounded = bound_lobes(weights[3:, 3:])
    np.testing.assert_allclose(bounded, bounded[::-1, ::-1], atol=1e-6)
