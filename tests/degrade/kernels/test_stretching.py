from __future__ import annotations

import hashlib

import numpy as np
import pytest

from degrade.errors import InvalidValueError
from degrade.kernels import BlurKernel, bicubic_kernel, gaussian_kernel, kernel_sigmas
from degrade.kernels.stretching import MOST_STRETCH, stretch_by_error, stretch_kernel

KERNELS = [
    gaussian_kernel(13, 2, (1.5, 1.0), 0.3),
    gaussian_kernel(41, 4, (4.0, 2.0), 1.1),
    bicubic_kernel(4),
    gaussian_kernel(21, 3, (2.0, 1.2), 2.0),
]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: f"{kernel.size} taps")
@pytest.mark.parametrize("factor", [0.8, 0.95, 1.1, 1.25])
def test_stretch_kernel_scales_its_widths(kernel: BlurKernel, factor: float) -> None:
    stretched = stretch_kernel(kernel, factor)
    assert stretched.scale == kernel.scale and stretched.weights.sum() == pytest.approx(1)
    widths = np.array(kernel_sigmas(stretched.weights)) / kernel_sigmas(kernel.weights)
    # Of sharp kernels the few taps say it coarsely.
    assert widths == pytest.approx([factor, factor], rel=0.06)


def test_stretch_kernel_by_one_changes_nothing_but_its_margin() -> None:
    for kernel in KERNELS:
        same = stretch_kernel(kernel, 1.0).weights
        margin = (len(same) - kernel.size) // 2
        assert np.abs(same - np.pad(kernel.weights, margin)).max() < 1e-4


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: f"{kernel.size} taps")
@pytest.mark.parametrize("error", [0.003, -0.003])
def test_stretch_by_error_differs_by_as_much(kernel: BlurKernel, error: float) -> None:
    stretched = stretch_by_error(kernel, error)
    reach = (stretched.size - kernel.size) // 2
    moved = stretched.weights - np.pad(kernel.weights, reach)
    assert float(np.linalg.norm(moved)) == pytest.approx(abs(error), rel=0.15)
    wider = np.subtract(kernel_sigmas(stretched.weights), kernel_sigmas(kernel.weights))
    assert (wider > 0).all() if error > 0 else (wider < 0).all()


def test_stretch_by_error_stops_at_the_largest_factor() -> None:
    kernel = KERNELS[0]
    assert stretch_by_error(kernel, 0.0) is kernel
    for error, factor in ((5.0, MOST_STRETCH), (-5.0, 1 / MOST_STRETCH)):
        wanted = stretch_kernel(kernel, round(factor, 6))
        assert np.array_equal(stretch_by_error(kernel, error).weights, wanted.weights)


def test_stretch_by_error_gives_the_same_bits_everywhere() -> None:
    taps = np.outer([1, 5, 9, 12, 7, 2, 0], [2, 4, 10, 10, 8, 2, 0]) / 36**2
    kernel = BlurKernel(stretch_free(taps), 2, "by hand")
    weights = stretch_by_error(kernel, 0.02).weights
    assert hashlib.sha256(weights.astype("<f4").tobytes()).hexdigest()[:16] == "aee17f697f5072a9"


def stretch_free(taps: np.ndarray) -> np.ndarray:
    """Return taps whose centre is where the phase rule wants it."""
    even = taps + taps[:, ::-1] + taps[::-1] + taps[::-1, ::-1]
    wide = np.zeros((9, 9))
    for down in (0, 1):
        for right in (0, 1):
            wide[1 + down : 8 + down, 1 + right : 8 + right] += even
    return wide / wide.sum()


def test_stretch_kernel_refuses_other_factors() -> None:
    for factor in (0.4, 2.5, float("nan")):
        with pytest.raises(InvalidValueError, match="1/2 to 2"):
            stretch_kernel(KERNELS[0], factor)
