"""Blur kernels: the phase rule, and what is mended."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from degrade.errors import InvalidValueError
from degrade.kernels import (
    PHASE_TOLERANCE,
    BlurKernel,
    bicubic_kernel,
    crop_or_pad_kernel,
    kernel_sigmas,
    repair_kernel,
)
from degrade.kernels.kernel import centre_of_mass, kernel_centre, negative_sum, phase_centre
from tests.degrade.kernels.kernel_strategies import gaussians, phase_offset, raw_weights, scales
from tests.rounding import gamma


@settings(max_examples=80, deadline=None)
@given(weights=raw_weights(st.integers(1, 14)), scale=scales)
def test_repair_kernel_makes_a_kernel_of_any_positive_weights(
    weights: npt.NDArray[np.float64], scale: int
) -> None:
    before = weights.copy()
    kernel, notes = repair_kernel(weights, scale, "a")
    assert kernel.size % 2 == 1 and kernel.size >= 3
    assert kernel.weights.dtype == np.float32 and not kernel.weights.flags.writeable
    assert abs(kernel.weights.sum(dtype=np.float64) - 1) < 1e-6
    assert phase_offset(kernel) <= PHASE_TOLERANCE
    assert all(notes)
    np.testing.assert_array_equal(weights, before)


@settings(max_examples=50, deadline=None)
@given(kernel=gaussians())
def test_repair_kernel_leaves_a_sound_kernel_as_it_is(kernel: BlurKernel) -> None:
    again, notes = repair_kernel(kernel.weights, kernel.scale)
    assert notes == []
    # Divided by a sum that is 1 but for the weights' rounding, and rounded again.
    tiny = np.finfo(np.float32).tiny
    np.testing.assert_allclose(again.weights, kernel.weights, rtol=gamma(3), atol=tiny)


@settings(max_examples=100, deadline=None)
@given(kernel=gaussians())
def test_blur_kernel_of_its_own_weights_is_the_same_to_the_bit(kernel: BlurKernel) -> None:
    np.testing.assert_array_equal(BlurKernel(kernel.weights, kernel.scale).weights, kernel.weights)


@settings(max_examples=30, deadline=None)
@given(shift=st.tuples(st.floats(-3, 3), st.floats(-3, 3)), scale=scales)
def test_repair_kernel_moves_without_widening(shift: tuple[float, float], scale: int) -> None:
    rows, columns = np.mgrid[:31, :31] - 15.0
    weights = np.exp(-0.5 * ((rows - shift[0]) ** 2 + (columns - shift[1]) ** 2) / 1.5**2)
    kernel, _ = repair_kernel(weights, scale)
    assert kernel_sigmas(kernel.weights) == pytest.approx((1.5, 1.5), abs=0.03)


@pytest.mark.parametrize(
    "weights",
    [
        np.zeros((5, 5)),
        np.full((5, 5), np.nan),
        np.ones((4, 5)),
        np.ones(9),
        -np.ones((5, 5)),
        np.array([[1.0, -1.0], [-1.0, 1.0]]),
        np.full((3, 3), np.inf),
        np.ones((0, 0)),
        # A centre of mass 4000 pixels off, to which no array is padded.
        np.pad([[-1000.0, 0], [0, 1001]], 2),
    ],
)
def test_repair_kernel_refuses_what_cannot_be_mended(weights: npt.NDArray[np.float64]) -> None:
    with pytest.raises(InvalidValueError, match="weights"):
        repair_kernel(weights, 2)


@pytest.mark.parametrize(
    ("weights", "scale"),
    [
        (np.ones((5, 5)) / 25, 2),
        (np.ones((4, 4)) / 16, 2),
        (np.ones((1, 1)), 2),
        (np.full((3, 3), np.nan), 3),
        (np.zeros((3, 3)), 3),
        (np.ones((3, 3)), 3),
        (bicubic_kernel(2).weights * 1.01, 2),
        (bicubic_kernel(2).weights, 3),
        (bicubic_kernel(2).weights, 1),
        (np.ones((3, 5)) / 15, 2),
    ],
)
def test_blur_kernel_refuses_what_breaks_the_rule(
    weights: npt.NDArray[np.float64], scale: int
) -> None:
    with pytest.raises(InvalidValueError):
        BlurKernel(weights.astype(np.float32), scale)


def test_blur_kernel_copies_its_weights() -> None:
    weights = bicubic_kernel(2).weights.copy()
    kernel = BlurKernel(weights, 2)
    weights[:] = 0
    assert kernel.weights.sum(dtype=np.float64) == pytest.approx(1)
    with pytest.raises(ValueError, match="read-only"):
        kernel.weights[0, 0] = 1


@settings(max_examples=30)
@given(size=st.integers(0, 12), other=st.integers(0, 12))
def test_crop_or_pad_kernel_keeps_the_centre(size: int, other: int) -> None:
    size, other = 2 * size + 1, 2 * other + 1
    weights = np.arange(size * size, dtype=np.float32).reshape(size, size)
    changed = crop_or_pad_kernel(weights, other)
    assert changed.shape == (other, other)
    assert changed[other // 2, other // 2] == weights[size // 2, size // 2]
    if other >= size:
        np.testing.assert_array_equal(crop_or_pad_kernel(changed, size), weights)
    changed[:] = -1
    assert weights.min() >= 0


def sharpened(shift: tuple[float, float], side: int = 33) -> npt.NDArray[np.float64]:
    """Return a Gaussian with a negative ring, both centred at ``shift`` from the middle."""
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2.0
    squares = (rows - shift[0]) ** 2 + (columns - shift[1]) ** 2
    core, ring = (np.exp(-0.5 * squares / sigma**2) / sigma**2 for sigma in (2.0, 3.5))
    weights: npt.NDArray[np.float64] = 1.9 * core - 0.9 * ring
    return weights / weights.sum()


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.3, -0.6), (-1.4, 1.1)])
def test_kernel_centre_of_lobes_around_one_place_is_that_place(shift: tuple[float, float]) -> None:
    weights = sharpened(shift)
    assert negative_sum(weights) > 0.1
    np.testing.assert_allclose(kernel_centre(weights, 4) - 16, shift, atol=2e-3)


def test_kernel_centre_is_not_moved_by_small_taps_far_out() -> None:
    weights = sharpened((0.0, 0.0))
    weights[2, 3], weights[30, 29] = -0.03, 0.03
    assert np.abs(centre_of_mass(weights) - 16).max() > 0.7
    assert np.abs(kernel_centre(weights, 4) - 16).max() < 0.02
    kernel, notes = repair_kernel(weights, 4)
    assert any(note.startswith("warning: its centre of mass lies") for note in notes)
    assert np.abs(kernel_centre(kernel.weights, 4) - kernel.size // 2 - 1.5).max() < 0.05


@settings(max_examples=30, deadline=None)
@given(kernel=gaussians())
def test_kernel_centre_without_negative_taps_is_the_centre_of_mass(kernel: BlurKernel) -> None:
    expected = centre_of_mass(kernel.weights.astype(np.float64))
    np.testing.assert_allclose(kernel_centre(kernel.weights, kernel.scale), expected, atol=1e-9)


def test_blur_kernel_takes_a_signed_one_that_was_centred_by_its_mass() -> None:
    weights = sharpened((1.5, 1.5))
    weights[2, 3], weights[30, 29] = -0.03, 0.03
    moved = ndimage.shift(weights, 17.5 - centre_of_mass(weights), order=3)
    moved /= moved.sum()
    assert np.abs(centre_of_mass(moved) - 17.5).max() < 0.04
    assert BlurKernel(moved.astype(np.float32), 4).size == 33


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("degrees", [0.0, 29.0, 135.0])
def test_repair_kernel_keeps_sharpened_motion_in_its_middle(degrees: float, scale: int) -> None:
    size, places = 25, np.linspace(-6, 6, 601)
    motion = np.zeros((size, size))
    rows = size // 2 - places * np.sin(np.radians(degrees))
    columns = size // 2 + places * np.cos(np.radians(degrees))
    np.add.at(motion, (np.rint(rows).astype(int), np.rint(columns).astype(int)), 1 / 601)
    # Sharpening raises the ends of the line above its middle.
    weights = motion + 1.0 * (motion - ndimage.gaussian_filter(motion, 1.5, mode="constant"))
    kernel, _ = repair_kernel(weights, scale)
    assert negative_sum(kernel.weights) > 0.1
    mass = centre_of_mass(kernel.weights) - phase_centre(kernel.size, scale)
    assert np.abs(mass).max() < 0.1
