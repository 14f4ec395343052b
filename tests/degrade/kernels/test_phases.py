from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from degrade.geometry import Ratio, Scale, as_scale, centre_offset, hr_unit, lr_side, lr_unit
from degrade.kernels import BlurKernel, bicubic_kernel, downsample, gaussian_kernel, repair_kernel
from degrade.kernels.kernel import centre_of_mass
from degrade.kernels.phases import phase_kernels
from degrade.resample import mirror_indices

Floats = npt.NDArray[np.float64]
SCALES = ["1.5", "2.5", "7/3", "2.25", "1.7", "3.35", "7.5"]


def kernels_of(scale: Scale) -> list[BlurKernel]:
    """Return a smooth one, one with negative lobes and one of noise."""
    rng = np.random.default_rng(1)
    step = float(scale)
    size = 2 * int(4 * step) + 1
    rough, _ = repair_kernel(rng.random((9, 9)) ** 4, scale)
    return [
        gaussian_kernel(size, scale, (0.45 * step, 0.3 * step), 0.4),
        bicubic_kernel(scale),
        rough,
    ]


def between_taps(weights: Floats, rows: Floats, columns: Floats, around: int) -> Floats:
    """Return the cubic spline through a kernel, 0 outside, at places of its own grid."""
    spline = ndimage.spline_filter(np.pad(weights, 2 * around), 3, np.float64)
    places = np.meshgrid(rows + 2 * around, columns + 2 * around, indexing="ij")
    found: Floats = ndimage.map_coordinates(spline, places, order=3, prefilter=False)
    return found


def reference(image: npt.NDArray[np.float32], kernel: BlurKernel) -> Floats:
    """Sample the blurred image at LR's centres, pixel by pixel, in float64."""
    scale, around = kernel.scale, 20
    height, width = image.shape[:2]
    lr = np.zeros((lr_side(height, scale), lr_side(width, scale), 3))
    weights = kernel.weights.astype(np.float64)
    taps = np.arange(-around, kernel.size + around)
    for i, j in np.ndindex(lr.shape[:2]):
        # The kernel's centre lies at K//2 + (s - 1)/2, that of the pixel at (i + 1/2)·s - 1/2.
        first = [(p + 0.5) * float(scale) - 0.5 - centre_offset(scale) for p in (i, j)]
        parts = [place - np.floor(place + 1e-9) for place in first]
        own = between_taps(weights, taps - parts[0], taps - parts[1], around)
        rows, columns = (
            mirror_indices(
                (np.floor(place + 1e-9) + taps - kernel.size // 2).astype(np.int64), side
            )
            for place, side in zip(first, (height, width), strict=True)
        )
        lr[i, j] = np.tensordot(own / own.sum(), image[np.ix_(rows, columns)].astype(np.float64))
    return lr


@pytest.mark.parametrize("text", SCALES)
def test_downsample_equals_the_reference_at_scales_that_are_no_integers(text: str) -> None:
    scale = as_scale(text)
    side = max(1, 30 // hr_unit(scale)) * hr_unit(scale)
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (side, side, 3)).astype(np.float32)
    for kernel in kernels_of(scale):
        off = np.abs(downsample(image, kernel) - reference(image, kernel)).max()
        assert off < 1e-4, kernel.source  # grey levels


@settings(max_examples=25, deadline=None)
@given(st.fractions("3/2", 8, max_denominator=6).map(as_scale), st.integers(0, 1000))
def test_phase_kernels_lie_where_the_phase_rule_puts_them(scale: Scale, seed: int) -> None:
    assume(isinstance(scale, Ratio))
    kernel, _ = repair_kernel(np.random.default_rng(seed).random((7, 7)), scale)
    phases = phase_kernels(kernel)
    own = centre_of_mass(kernel.weights) - kernel.size // 2
    spread = _variances(kernel.weights.astype(np.float64))
    for row, column in np.ndindex(phases.weights.shape[:2]):
        taps = phases.weights[row, column]
        parts = [(p * hr_unit(scale) % lr_unit(scale)) / lr_unit(scale) for p in (row, column)]
        assert taps.sum() == pytest.approx(1, abs=1e-12)
        assert centre_of_mass(taps) - phases.before == pytest.approx(own + parts, abs=1e-4)
        assert _variances(taps) == pytest.approx(spread, abs=2e-3)


def _variances(weights: Floats) -> Floats:
    rows, columns = np.indices(weights.shape) - centre_of_mass(weights)[:, None, None]
    return np.array([(weights * axis**2).sum() / weights.sum() for axis in (rows, columns)])


def test_phase_kernels_of_whole_scales_are_the_kernel_itself() -> None:
    kernel = gaussian_kernel(13, 4, (1.5, 1.2))
    phases = phase_kernels(kernel)
    assert phases.weights.shape == (1, 1, 13, 13)
    assert phases.before == 6
    np.testing.assert_array_equal(phases.weights[0, 0], kernel.weights.astype(np.float64))


def test_first_phase_has_the_kernels_own_taps() -> None:
    kernel = gaussian_kernel(13, as_scale(2.5), (1.5, 1.2))
    phases = phase_kernels(kernel)
    start = phases.before - kernel.size // 2
    inner = phases.weights[0, 0][start : start + kernel.size, start : start + kernel.size]
    assert np.abs(inner - kernel.weights).max() < 1e-6


@pytest.mark.parametrize("text", ["1.5", "2.5", "7/3", "1.7"])
def test_downsample_keeps_a_slope_where_it_is(text: str) -> None:
    """LR of a ramp is the ramp at the centres of LR's pixels."""
    scale = as_scale(text)
    assert isinstance(scale, Ratio)
    side = 10 * hr_unit(scale) if hr_unit(scale) < 10 else 5 * hr_unit(scale)
    ramp = np.tile(np.arange(side, dtype=np.float32), (side, 1))
    for kernel in kernels_of(scale)[:2]:
        lr = downsample(ramp, kernel)
        centres = (np.arange(lr.shape[1]) + 0.5) * float(scale) - 0.5
        middle = slice(lr.shape[1] // 3, -(lr.shape[1] // 3))
        # A kernel may be off its place by the tolerance that it is kept with.
        own = centre_of_mass(kernel.weights) - kernel.size // 2 - centre_offset(scale)
        np.testing.assert_allclose(lr[4, middle], centres[middle] + own[1], atol=2e-3)
