from __future__ import annotations

import torch
from torch import Tensor

from kernelgan.spectral_norm import SpectralNorm


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def settled(matrices: Tensor) -> SpectralNorm:
    norm = SpectralNorm(matrices, draw(*matrices.shape[:2], 1, seed=1))
    for _ in range(2000):
        norm.normalise()
    return norm


def test_normalise_divides_by_the_largest_singular_value() -> None:
    matrices = draw(3, 8, 6)
    expected = matrices / torch.linalg.matrix_norm(matrices, 2)[:, None, None]
    torch.testing.assert_close(settled(matrices).normal, expected, rtol=0, atol=1e-9)


def test_normalise_follows_the_matrices() -> None:
    matrices = draw(2, 5, 5)
    norm = settled(matrices)
    before = norm.normal.clone()
    matrices *= 2
    norm.normalise()
    torch.testing.assert_close(norm.normal, before, rtol=0, atol=1e-12)


def test_go_back_equals_autograd_through_the_singular_value() -> None:
    matrices, probe = draw(2, 8, 6).requires_grad_(), draw(2, 8, 6, seed=2)
    divided = matrices / torch.linalg.matrix_norm(matrices, 2)[:, None, None]
    (expected,) = torch.autograd.grad((divided * probe).sum(), matrices)
    got = torch.empty_like(expected)
    settled(matrices.detach()).go_back(probe, got)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-8)


def test_normalise_leaves_zeros_finite() -> None:
    norm = SpectralNorm(torch.zeros(1, 4, 3), torch.ones(1, 4, 1))
    norm.normalise()
    assert torch.isfinite(norm.normal).all()
