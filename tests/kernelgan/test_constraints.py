from __future__ import annotations

import pytest
import torch
from torch import Tensor

from degrade.kernels import bicubic_kernel, gaussian_kernel, phase_centre
from kernelgan.config import KernelGANConfig
from kernelgan.constraints import KernelConstraints

LIKE = torch.empty(0, dtype=torch.float64)
SMALL, LARGE = torch.full((1, 3, 4, 4), 0.1).double(), torch.full((1, 3, 4, 4), 1.0).double()


def make(photos: int = 1, **settings: object) -> KernelConstraints:
    return KernelConstraints(KernelGANConfig(**settings), photos, LIKE)  # type: ignore[arg-type]


def gaussian(scale: int = 2) -> Tensor:
    size = 6 * scale + 1
    weights = gaussian_kernel(size, scale, (0.6 * scale, 0.6 * scale)).weights
    return torch.tensor(weights, dtype=LIKE.dtype)


def rough(count: int, scale: int = 2) -> Tensor:
    """Kernels with taps of both signs and sums off 1."""
    rng = torch.Generator().manual_seed(0)
    size = 6 * scale + 1
    noise = torch.randn(count, size, size, generator=rng, dtype=LIKE.dtype)
    return gaussian(scale) * 0.9 + 0.003 * noise


def faded(constraints: KernelConstraints, times: int = 2) -> KernelConstraints:
    for _ in range(3):
        constraints.data_gradient(SMALL.expand(len(constraints.data_term), -1, -1, -1))
    for step in range(1, times + 1):
        constraints.advance(200 * step)
    return constraints


def penalty(kernel: Tensor, config: KernelGANConfig, late: bool) -> Tensor:
    """The sum of the terms but the data term, as the equations state it."""
    size, total = len(kernel), kernel.sum()
    axis = torch.arange(size, dtype=kernel.dtype) - phase_centre(size, config.base_scale)
    rows, columns = axis[:, None], axis[None, :]
    mask = torch.exp(torch.hypot(rows, columns) * 2 / config.base_scale - 4.5)
    if config.constraints == "realsr":
        return (1 - total).abs() + (kernel * mask).sum().abs()
    loss = config.sum_weight * (1 - total).abs()
    loss = loss + config.boundary_weight * (kernel.abs() * mask).mean()
    if late:
        row, column = (kernel * rows).sum() / total, (kernel * columns).sum() / total
        loss = loss + config.centre_weight * (row**2 + column**2) / 2
        loss = loss + config.sparsity_weight * (kernel.abs() ** 0.2).mean()
    return loss


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"sum_weight": 0, "boundary_weight": 0, "sparsity_weight": 0},
        {"sum_weight": 0, "boundary_weight": 0, "centre_weight": 0},
        {"boundary_weight": 0, "centre_weight": 0, "sparsity_weight": 0},
        {"sum_weight": 0, "centre_weight": 0, "sparsity_weight": 0},
        {"constraints": "realsr"},
    ],
)
def test_kernel_gradient_equals_autograd(
    scale: int, late: bool, settings: dict[str, object]
) -> None:
    constraints = make(2, scale=scale, **settings)
    if late:
        faded(constraints)
    kernels = rough(2, scale)
    kernels[1] *= 1.3
    got = constraints.kernel_gradient(kernels)
    config = KernelGANConfig(scale=scale, **settings)  # type: ignore[arg-type]
    for kernel, gradient in zip(kernels, got, strict=True):
        kernel.requires_grad_()
        loss = penalty(kernel, config, late)
        expected = torch.zeros_like(kernel)
        if loss.requires_grad and loss.item() != 0:
            (expected,) = torch.autograd.grad(loss, kernel)
        torch.testing.assert_close(gradient, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["kernelgan", "realsr"])
def test_data_gradient_equals_autograd(name: str) -> None:
    constraints = make(2, constraints=name)
    rng = torch.Generator().manual_seed(0)
    difference = torch.randn(2, 3, 4, 4, generator=rng, dtype=LIKE.dtype).requires_grad_()
    weighted = 5 * difference.square() if name == "kernelgan" else difference.abs()
    (expected,) = torch.autograd.grad(weighted.mean((1, 2, 3)).sum(), difference)
    got = constraints.data_gradient(difference.detach())
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=0)
    means = difference.detach().square().mean((1, 2, 3))
    torch.testing.assert_close(constraints.data_term, means, rtol=1e-12, atol=0)


def test_bicubic_is_the_kernel_of_the_resizer() -> None:
    expected = torch.tensor(bicubic_kernel(2).weights, dtype=LIKE.dtype)
    margin = (13 - len(expected)) // 2
    inner = make().bicubic[margin : 13 - margin, margin : 13 - margin]
    torch.testing.assert_close(inner, expected)
    assert float(make().bicubic.sum()) == pytest.approx(1, abs=1e-6)


def test_bicubic_weight_fades_only_after_three_small_terms_in_a_row() -> None:
    constraints = make()
    for difference in (SMALL, SMALL, LARGE, SMALL, SMALL):
        constraints.data_gradient(difference)
        constraints.advance(200)
    assert constraints.bicubic_weight.tolist() == [5]
    constraints.data_gradient(SMALL)
    constraints.advance(399)
    assert constraints.bicubic_weight.tolist() == [5]
    constraints.advance(400)
    assert constraints.bicubic_weight.tolist() == pytest.approx([0.05])
    assert constraints.complete() == [False]
    for step in (600, 800, 1000, 1200):
        constraints.advance(step)
    assert constraints.bicubic_weight.tolist() == pytest.approx([5e-6])
    assert constraints.complete() == [True]


def test_each_photo_has_a_schedule_of_its_own() -> None:
    constraints = make(2)
    for _ in range(3):
        constraints.data_gradient(torch.cat((LARGE, SMALL)))
    constraints.advance(200)
    constraints.advance(400)
    assert constraints.bicubic_weight.tolist() == pytest.approx([5, 5e-4])
    assert constraints.complete() == [False, True]
    kernels = gaussian().roll(1, 0).repeat(2, 1, 1)
    early, late = constraints.kernel_gradient(kernels)
    torch.testing.assert_close(early, make().kernel_gradient(kernels[:1])[0])
    torch.testing.assert_close(late, faded(make()).kernel_gradient(kernels[:1])[0])
    for _ in range(3):
        constraints.data_gradient(torch.cat((SMALL, LARGE)))
    constraints.advance(600)
    constraints.advance(800)
    assert constraints.complete() == [True, True]


@pytest.mark.parametrize("settings", [{}, {"constraints": "realsr"}])
def test_kernel_gradient_is_finite_where_taps_are_zero(settings: dict[str, object]) -> None:
    constraints = faded(make(**settings))
    kernel = gaussian()
    kernel[:3] = 0
    gradient = constraints.kernel_gradient(kernel[None])
    assert torch.isfinite(gradient).all()


def test_centre_term_pulls_the_kernel_back() -> None:
    constraints = faded(make(sparsity_weight=0))
    kernel = gaussian().roll(1, 0)
    before = penalty(kernel, KernelGANConfig(sparsity_weight=0), late=True)
    moved = kernel - 1e-6 * constraints.kernel_gradient(kernel[None])[0]
    assert penalty(moved, KernelGANConfig(sparsity_weight=0), late=True) < before


def test_realsr_set_is_complete_and_does_not_fade() -> None:
    constraints = faded(make(constraints="realsr"))
    assert constraints.complete() == [True]
    assert constraints.bicubic_weight.tolist() == [5]
