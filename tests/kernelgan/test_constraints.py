from __future__ import annotations

import pytest
import torch
from torch import Tensor

from degrade.kernels import bicubic_kernel, gaussian_kernel
from kernelgan.config import KernelGANConfig
from kernelgan.constraints import KernelConstraints
from kernelgan.generator import extract_windows

CPU = torch.device("cpu")


def make(**settings: object) -> KernelConstraints:
    return KernelConstraints(KernelGANConfig(**settings), CPU)  # type: ignore[arg-type]


def gaussian(scale: int = 2) -> Tensor:
    size = KernelGANConfig(scale=scale).kernel_size
    return torch.tensor(gaussian_kernel(size, scale, (0.6 * scale, 0.6 * scale)).weights)


def faded(constraints: KernelConstraints, times: int) -> KernelConstraints:
    for _ in range(3):
        constraints.penalty(gaussian(), torch.zeros(5))
    for step in range(1, times + 1):
        constraints.advance(200 * step)
    return constraints


@pytest.mark.parametrize("scale", [2, 3])
def test_data_difference_is_zero_for_the_bicubic_kernel(scale: int) -> None:
    config = KernelGANConfig(scale=scale)
    images = torch.rand(
        3, config.hr_crop, config.hr_crop, generator=torch.Generator().manual_seed(0)
    )
    windows, _ = extract_windows(images, config.kernel_size, scale)
    bicubic = bicubic_kernel(scale).weights
    margin = (config.kernel_size - bicubic.shape[0]) // 2
    kernel = torch.nn.functional.pad(torch.tensor(bicubic), [margin] * 4)
    difference = make(scale=scale).data_difference(windows, windows @ kernel.flatten())
    torch.testing.assert_close(difference, torch.zeros(3 * 26 * 26), rtol=0, atol=1e-6)


def test_bicubic_weight_fades_only_after_three_small_terms_in_a_row() -> None:
    constraints, small, large = make(), torch.full((4,), 0.1), torch.full((4,), 1.0)
    for difference in (small, small, large, small, small):
        constraints.penalty(gaussian(), difference)
        constraints.advance(200)
    assert constraints.bicubic_weight == 5
    constraints.penalty(gaussian(), small)
    constraints.advance(399)
    assert constraints.bicubic_weight == 5
    constraints.advance(400)
    assert constraints.bicubic_weight == pytest.approx(0.05)
    assert not constraints.complete
    for step in (600, 800, 1000, 1200):
        constraints.advance(step)
    assert constraints.bicubic_weight == 5e-6
    assert constraints.complete


def test_centre_and_sparsity_join_late() -> None:
    shifted = torch.roll(gaussian(), 1, dims=0)
    early, late = make(), faded(make(), 2)
    zero = torch.zeros(5)
    assert float(early.penalty(shifted, zero) - early.penalty(gaussian(), zero)) < 0.05
    # One tap off in one axis: mean of 1² and 0² is a half.
    assert float(late.penalty(shifted, zero) - late.penalty(gaussian(), zero)) == pytest.approx(
        0.5, abs=0.05
    )


def test_sum_term_grows_with_the_distance_from_one() -> None:
    constraints, zero = make(boundary_weight=0), torch.zeros(5)
    for total in (0.5, 1.0, 1.5):
        loss = float(constraints.penalty(gaussian() * total, zero))
        assert loss == pytest.approx(0.5 * abs(1 - total), abs=1e-6)


def test_boundary_term_grows_towards_the_border() -> None:
    constraints, zero = make(sum_weight=0), torch.zeros(5)
    losses = []
    for row in (6, 3, 1, 0):
        kernel = torch.zeros(13, 13)
        kernel[row, 6] = 1
        losses.append(float(constraints.penalty(kernel, zero)))
    assert losses == sorted(losses)
    assert losses[-1] > 50 * losses[0]


def test_penalty_has_a_finite_gradient_where_taps_are_zero() -> None:
    constraints = faded(make(), 2)
    kernel = gaussian()
    kernel[:3] = 0
    kernel.requires_grad_()
    (gradient,) = torch.autograd.grad(constraints.penalty(kernel, torch.zeros(5)), kernel)
    assert torch.isfinite(gradient).all()


def test_realsr_set_is_the_published_sum() -> None:
    constraints = make(constraints="realsr")
    kernel, difference = gaussian() * 0.9, torch.tensor([0.5, -0.25])
    taps = torch.arange(13.0) - 6.5
    mask = torch.exp(torch.hypot(taps[:, None], taps[None, :]) - 4.5)
    expected = 0.375 + 0.1 + float((kernel * mask).sum())
    assert float(constraints.penalty(kernel, difference)) == pytest.approx(expected, rel=1e-5)
    assert constraints.complete
