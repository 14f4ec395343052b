"""Blur kernels: the phase rule, and what downsampling by them means."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError
from degrade.kernels import (
    PHASE_TOLERANCE,
    BlurKernel,
    bicubic_kernel,
    centre_of_mass,
    compose_kernels,
    crop_or_pad_kernel,
    downsample,
    gaussian_kernel,
    kernel_sigmas,
    phase_centre,
    repair_kernel,
)
from degrade.resample import imresize
from tests.rounding import gamma

scales = st.sampled_from([2, 3, 4])

SAME = gamma(2)
"""Between two results on [0, 1] that were both added up in float64, then rounded to float32."""


def raw_weights(sizes: st.SearchStrategy[int]) -> st.SearchStrategy[npt.NDArray[np.float64]]:
    """Return arrays of positive weights, some of them zero, that are not all zero."""
    return sizes.flatmap(
        lambda size: hnp.arrays(np.float64, (size, size), elements=st.floats(0, 10))
    ).filter(lambda weights: bool(weights.sum() > 1e-3))


@st.composite
def gaussians(draw: st.DrawFn) -> BlurKernel:
    size = draw(st.sampled_from([5, 9, 13, 21]))
    sigma = (draw(st.floats(0.4, 3.0)), draw(st.floats(0.4, 3.0)))
    return gaussian_kernel(size, draw(scales), sigma, draw(st.floats(0, 3.14)))


def naive_downsample(image: FloatArray, kernel: BlurKernel, mode: str) -> FloatArray:
    """Correlate by the definition, one output pixel at a time."""
    half, scale = kernel.size // 2, kernel.scale
    padded = np.pad(image.astype(np.float64), half, mode=mode)  # type: ignore[call-overload]
    rows, columns = (side // scale for side in image.shape)
    result = np.empty((rows, columns))
    for row in range(rows):
        for column in range(columns):
            top, left = row * scale, column * scale
            window = padded[top : top + kernel.size, left : left + kernel.size]
            result[row, column] = (window * kernel.weights).sum()
    return result.astype(np.float32)


def phase_offset(kernel: BlurKernel) -> float:
    offset = centre_of_mass(kernel.weights) - phase_centre(kernel.size, kernel.scale)
    return float(np.abs(offset).max())


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


@settings(max_examples=40, deadline=None)
@given(kernel=gaussians(), value=st.floats(0, 1), border=st.sampled_from(["mirror", "wrap"]))
def test_downsample_keeps_a_constant_image(kernel: BlurKernel, value: float, border: str) -> None:
    side = 6 * kernel.scale
    image = np.full((side, side, 3), value, np.float32)
    lr = downsample(image, kernel, border=border)  # type: ignore[arg-type]
    assert lr.shape == (6, 6, 3) and lr.dtype == np.float32
    # Of weights whose sum is 1 but for their rounding, to float32 again.
    np.testing.assert_allclose(lr, np.float32(value), rtol=gamma(3))


@settings(max_examples=25, deadline=None)
@given(kernel=gaussians(), seed=st.integers(0, 100), border=st.sampled_from(["mirror", "wrap"]))
def test_downsample_is_correlation_and_sampling(kernel: BlurKernel, seed: int, border: str) -> None:
    shape = (7 * kernel.scale, 9 * kernel.scale)
    image = np.random.default_rng(seed).random(shape).astype(np.float32)
    before = image.copy()
    expected = naive_downsample(image, kernel, "symmetric" if border == "mirror" else "wrap")
    found = downsample(image, kernel, border=border)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, expected, rtol=0, atol=SAME)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("scale", [2, 3, 4, 5])
def test_bicubic_kernel_is_imresize_borders_included(rng: np.random.Generator, scale: int) -> None:
    image = rng.random((12 * scale, 15 * scale, 3)).astype(np.float32)
    kernel = bicubic_kernel(scale)
    difference = downsample(image, kernel) - imresize(image, 1 / scale)
    # The weights of one are rounded; then both results.
    assert np.abs(difference).max() < gamma(4) * np.abs(kernel.weights).sum()


@settings(max_examples=25, deadline=None)
@given(data=st.data(), kernel=gaussians())
def test_downsample_of_a_box_is_the_crop_of_the_whole(
    data: st.DataObject, kernel: BlurKernel
) -> None:
    scale = kernel.scale
    image = np.random.default_rng(0).random((16 * scale, 13 * scale, 3)).astype(np.float32)
    whole = downsample(image, kernel)
    top, left = data.draw(st.integers(0, 14)), data.draw(st.integers(0, 11))
    rows, columns = data.draw(st.integers(1, 16 - top)), data.draw(st.integers(1, 13 - left))
    box = (top * scale, left * scale, rows * scale, columns * scale)
    crop = downsample(image, kernel, box=box)
    np.testing.assert_array_equal(crop, whole[top : top + rows, left : left + columns])


def test_downsample_box_may_lie_off_the_grid(rng: np.random.Generator) -> None:
    image = rng.random((40, 44)).astype(np.float32)
    kernel = gaussian_kernel(9, 2, (1.0, 1.5))
    crop = downsample(image, kernel, box=(7, 5, 20, 24))
    np.testing.assert_allclose(
        crop, downsample(image[1:, 1:][:-1, :-1], kernel)[3:13, 2:14], rtol=0, atol=SAME
    )


@pytest.mark.parametrize("border", ["mirror", "wrap"])
def test_downsample_of_images_smaller_than_the_kernel(border: str) -> None:
    image = np.random.default_rng(0).random((4, 4)).astype(np.float32)
    kernel = gaussian_kernel(21, 2, (2.0, 2.0))
    mode = "symmetric" if border == "mirror" else "wrap"
    found = downsample(image, kernel, border=border)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, naive_downsample(image, kernel, mode), rtol=0, atol=SAME)


@pytest.mark.parametrize(
    "box", [(0, 0, 5, 4), (0, 0, 0, 4), (-2, 0, 4, 4), (10, 0, 4, 4), (0, 10, 4, 4)]
)
def test_downsample_refuses_other_boxes(box: tuple[int, int, int, int]) -> None:
    with pytest.raises(InvalidValueError):
        downsample(np.zeros((12, 12, 3), np.float32), bicubic_kernel(2), box=box)


def test_downsample_refuses_sides_that_the_scale_does_not_divide() -> None:
    with pytest.raises(InvalidValueError, match="multiples of 2"):
        downsample(np.zeros((11, 12, 3), np.float32), bicubic_kernel(2))


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
