from __future__ import annotations

import numpy as np
import pytest

from degrade.errors import DegradeError
from degrade.kernels import compose_kernels, gaussian_kernel
from degrade.kernels.kernel import phase_error
from kernelgan import KernelGANConfig
from kernelgan.postprocessing import finish_kernel


def noisy(scale: int, rng: np.random.Generator, *, shift: float = 0.4) -> np.ndarray:
    """A trained kernel as it may look: off centre, not normalised, with noise around it."""
    config = KernelGANConfig(scale=scale)
    size, base = config.kernel_size, config.base_scale
    centre = size // 2 + (base - 1) / 2 + shift
    rows, columns = np.mgrid[:size, :size] - centre
    kernel = np.exp(-0.5 * ((rows / (0.5 * base)) ** 2 + (columns / (0.8 * base)) ** 2))
    return 1.1 * kernel / kernel.sum() + rng.normal(0, 2e-4, kernel.shape)


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_finish_kernel_obeys_the_phase_rule(scale: int, rng: np.random.Generator) -> None:
    kernel = finish_kernel(noisy(scale, rng), KernelGANConfig(scale=scale), "photo")
    assert kernel.scale == scale
    assert kernel.size % 2 == 1
    assert float(kernel.weights.sum(dtype=np.float64)) == pytest.approx(1, abs=1e-6)
    assert np.abs(phase_error(kernel.weights, scale)).max() <= 0.05
    assert kernel.weights.min() > -1e-6


@pytest.mark.parametrize(("scale", "size"), [(2, 13), (3, 19)])
def test_finish_kernel_keeps_the_size(scale: int, size: int, rng: np.random.Generator) -> None:
    assert finish_kernel(noisy(scale, rng), KernelGANConfig(scale=scale), "").size == size


def test_finish_kernel_cuts_the_noise(rng: np.random.Generator) -> None:
    raw = noisy(2, rng, shift=0.0)
    kernel = finish_kernel(raw, KernelGANConfig(), "photo")
    cut = 0.75 * np.sort(raw, axis=None)[-41]
    np.testing.assert_array_equal(kernel.weights > 0, raw >= cut)


def test_finish_kernel_composes_times_four_of_times_two(rng: np.random.Generator) -> None:
    raw = noisy(2, rng)
    double = finish_kernel(raw, KernelGANConfig(scale=2), "photo")
    quadruple = finish_kernel(raw, KernelGANConfig(scale=4), "photo")
    whole = compose_kernels(double, double)
    assert quadruple.size < whole.size
    margin = (whole.size - quadruple.size) // 2
    inner = whole.weights[margin:-margin, margin:-margin]
    assert np.abs(inner - quadruple.weights).sum() < 3e-3


def test_finish_kernel_of_a_delta_stays_sharp() -> None:
    raw = np.zeros((13, 13))
    raw[6:8, 6:8] = 0.25
    np.testing.assert_allclose(finish_kernel(raw, KernelGANConfig(), "").weights, raw)


def test_finish_kernel_refuses_what_has_no_positive_tap() -> None:
    with pytest.raises(DegradeError, match="photo: the estimate has no positive tap"):
        finish_kernel(-gaussian_kernel(13, 2, (1, 1)).weights, KernelGANConfig(), "photo")
