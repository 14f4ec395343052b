from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError
from degrade.images.image_io import quantise, read_photo
from degrade.kernels import (
    BlurKernel,
    bicubic_kernel,
    centre_of_mass,
    downsample,
    gaussian_kernel,
)
from degrade.kernels.metrics import (
    align_kernels,
    fit_redegradation,
    kernel_psnr,
    redegradation_psnr,
    register_pair,
)


@pytest.fixture(scope="module")
def photo() -> FloatArray:
    """Blocks and texture: something of every frequency."""
    rng = np.random.default_rng(5)
    blocks = np.kron(rng.random((20, 24, 3)), np.ones((16, 16, 1)))
    fine = ndimage.gaussian_filter(rng.random(blocks.shape), (0.7, 0.7, 0))
    return np.asarray(np.clip(0.8 * blocks + 0.4 * (fine - 0.4), 0, 1), dtype=np.float32)


def test_kernel_psnr_is_the_formula() -> None:
    a, b = gaussian_kernel(11, 2, (1.2, 1.2)).weights, gaussian_kernel(11, 2, (1.9, 1.4)).weights
    squares = ((a.astype(np.float64) - b) ** 2).sum()
    # Cut Gaussians lie a little off their place; aligning them moves one by some thousandths.
    assert kernel_psnr(a, b) == pytest.approx(-10 * np.log10(squares / 121), abs=0.05)


@given(
    shift=st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
    factor=st.floats(0.1, 10),
    pad=st.integers(0, 4),
)
def test_kernel_psnr_ignores_sum_place_and_size(
    shift: tuple[int, int], factor: float, pad: int
) -> None:
    truth = gaussian_kernel(13, 2, (1.3, 1.0), 0.4).weights
    estimate = gaussian_kernel(13, 2, (1.6, 1.1), 0.6).weights
    moved = factor * np.roll(np.pad(estimate, ((4, 4 + pad), (4 + pad, 4))), shift, (0, 1))
    assert kernel_psnr(moved, truth) == pytest.approx(kernel_psnr(estimate, truth), abs=1e-3)


def test_kernel_psnr_takes_the_same_kernel_half_a_pixel_off_for_the_same() -> None:
    truth = gaussian_kernel(15, 2, (1.5, 1.5)).weights
    centred = gaussian_kernel(15, 3, (1.5, 1.5)).weights
    assert kernel_psnr(centred, truth) > 65


def test_align_kernels_puts_the_centres_together() -> None:
    truth = gaussian_kernel(11, 2, (1.2, 1.8), 0.3).weights
    estimate, reference = align_kernels(gaussian_kernel(17, 4, (2.0, 1.0)).weights, truth)
    assert estimate.shape == reference.shape == (35, 35)
    assert centre_of_mass(estimate) == pytest.approx(centre_of_mass(reference), abs=1e-3)
    assert reference[12:23, 12:23] == pytest.approx(truth, abs=1e-7)


@pytest.mark.parametrize("weights", [np.zeros((3, 3)), np.full((3, 3), np.nan), np.ones(3)])
def test_kernel_psnr_refuses_what_is_no_kernel(weights: FloatArray) -> None:
    with pytest.raises(InvalidValueError, match="a kernel must be"):
        kernel_psnr(weights, np.ones((3, 3)))


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_redegradation_psnr_of_the_truth_is_what_rounding_leaves(
    photo: FloatArray, scale: int
) -> None:
    hr = photo[: 320 // scale * scale, : 384 // scale * scale]
    truth = gaussian_kernel(8 * scale + 1, scale, (0.9 * scale, 0.6 * scale), 0.5)
    lr = quantise(downsample(hr, truth)).astype(np.float32) / np.float32(255)
    # Rounding to 8 bits: uniform errors of variance 1/12 level².
    assert redegradation_psnr(hr, lr, truth.weights, scale) == pytest.approx(58.9, abs=0.3)
    assert redegradation_psnr(hr, lr, bicubic_kernel(scale).weights, scale) < 35


def test_redegradation_psnr_forgives_a_shift(photo: FloatArray) -> None:
    truth = gaussian_kernel(17, 2, (1.6, 1.6))
    lr = downsample(photo, truth)
    half = ndimage.shift(np.pad(truth.weights, 4), (0.5, -0.75), order=3)
    assert redegradation_psnr(photo, lr, half, 2) > 60
    far = np.roll(np.pad(truth.weights, 4), 3, 0)
    assert redegradation_psnr(photo, lr, far, 2) < 40


def test_redegradation_psnr_refuses_other_sizes(photo: FloatArray) -> None:
    lr = downsample(photo, bicubic_kernel(2))
    with pytest.raises(InvalidValueError, match="divided by 2"):
        redegradation_psnr(photo[:-2], lr, bicubic_kernel(2).weights, 2)
    with pytest.raises(InvalidValueError, match="at least 64×64"):
        redegradation_psnr(photo[:100], lr[:50], bicubic_kernel(2).weights, 2)


def seen_from(hr: FloatArray, kernel: BlurKernel, shift: tuple[float, float]) -> FloatArray:
    """Return LR of another exposure whose pixels lie ``shift`` HR pixels farther on."""
    # HR itself is moved, in the Fourier domain: no spline, and exact away from the borders.
    spectrum = ndimage.fourier_shift(np.fft.fft2(hr, axes=(0, 1)), (-shift[0], -shift[1], 0))
    moved = np.fft.ifft2(spectrum, axes=(0, 1)).real.astype(np.float32)
    return (0.8 * downsample(moved, kernel) + 0.1).astype(np.float32)


@pytest.mark.parametrize("shift", [(0.0, 0.0), (0.3, -0.6), (2.2, 1.4)])
def test_fit_redegradation_finds_shift_gain_and_offset(
    photo: FloatArray, shift: tuple[float, float]
) -> None:
    kernel = gaussian_kernel(25, 4, (2.6, 2.0), 0.7)
    fit = fit_redegradation(photo, seen_from(photo, kernel, shift), kernel)
    assert fit.shift == pytest.approx(shift, abs=0.02)
    assert (fit.gain, fit.offset) == pytest.approx((0.8, 0.1), abs=0.005)
    assert fit.psnr > 55


def test_fit_redegradation_prefers_the_true_kernel(photo: FloatArray) -> None:
    kernel = gaussian_kernel(25, 4, (2.6, 2.0), 0.7)
    lr = seen_from(photo, kernel, (0.4, 0.2))
    start = register_pair(photo, lr, 4)
    others = [gaussian_kernel(25, 4, (s, s)) for s in (1.8, 2.2, 2.6)] + [bicubic_kernel(4)]
    true = fit_redegradation(photo, lr, kernel, start=start).psnr
    assert all(fit_redegradation(photo, lr, k, start=start).psnr < true - 5 for k in others)


def test_fit_redegradation_takes_luma_as_it_takes_rgb(photo: FloatArray) -> None:
    kernel = gaussian_kernel(25, 4, (2.4, 2.4))
    lr = downsample(photo, bicubic_kernel(4))
    luma = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    start = register_pair(photo, lr, 4)
    colour = fit_redegradation(photo, lr, kernel, start=start)
    grey = fit_redegradation(photo @ luma, lr @ luma, kernel, start=start)
    assert colour.psnr == pytest.approx(grey.psnr, abs=1e-3)


def test_fit_redegradation_of_a_flat_lr_is_finite(photo: FloatArray) -> None:
    flat = np.full((photo.shape[0] // 4, photo.shape[1] // 4, 3), 0.5, dtype=np.float32)
    fit = fit_redegradation(photo, flat, bicubic_kernel(4))
    assert np.isfinite([*fit.shift, fit.gain, fit.offset, fit.psnr]).all()


def test_metrics_equal_the_shared_bench_scores(shared_data: Path) -> None:
    bench = shared_data.parent / "bench" / "kernels"
    if not (bench / "score.py").is_file():
        pytest.skip("the shared bench (../shared/bench/kernels) is not here")
    pytest.importorskip("PIL")
    spec = importlib.util.spec_from_file_location("bench_score", bench / "score.py")
    assert spec is not None
    assert spec.loader is not None
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    name = "b09_astronaut"
    estimate = np.load(bench / "est_ref" / "kernelgan" / f"{name}.npy", allow_pickle=False)
    truth = np.load(bench / "gt" / f"{name}.npy", allow_pickle=False)
    hr, lr = (read_photo(bench / part / f"{name}.png").as_float() for part in ("hr", "lr"))
    kpsnr, _, repsnr = score.score_one(estimate, name)
    assert kernel_psnr(estimate, truth) == pytest.approx(kpsnr, abs=0.02)
    aligned, _ = align_kernels(estimate, truth)
    assert redegradation_psnr(hr, lr, aligned, 2) == pytest.approx(repsnr, abs=0.02)
