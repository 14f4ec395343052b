from __future__ import annotations

import numpy as np
import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.losses import gradient_prior_loss


def test_gradient_prior_loss_is_the_mean_of_its_formula() -> None:
    image = torch.rand(2, 3, 5, 6, dtype=torch.float64)
    naive = sum(
        ((np.diff(image.numpy(), axis=axis) ** 2 + 1e-6) ** (1 / 3)).mean() for axis in (2, 3)
    )
    assert float(gradient_prior_loss(image)) == pytest.approx(naive, rel=1e-12)
    laplacian = gradient_prior_loss(image, alpha=1, epsilon=1e-9)
    naive = sum(np.abs(np.diff(image.numpy(), axis=axis)).mean() for axis in (2, 3))
    assert float(laplacian) == pytest.approx(naive, rel=1e-7)


def test_gradient_prior_loss_has_the_gradient_of_its_value() -> None:
    image = torch.rand(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(gradient_prior_loss, (image,))
    flat = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    gradient_prior_loss(flat).backward()
    assert flat.grad is not None and bool((flat.grad == 0).all())


def test_gradient_prior_loss_prefers_one_edge_to_a_ramp_and_flat_to_noise() -> None:
    edge = torch.zeros(1, 1, 16, 16)
    edge[..., 8:] = 0.6
    ramp = torch.linspace(0, 0.6, 16).expand(1, 1, 16, 16)
    noisy = edge + 0.02 * torch.randn(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    assert gradient_prior_loss(edge) < 0.6 * gradient_prior_loss(ramp)
    assert gradient_prior_loss(edge) < 0.5 * gradient_prior_loss(noisy)


def test_gradient_prior_loss_sums_half_precision_in_float32() -> None:
    image = torch.rand(1, 3, 16, 16).bfloat16()
    torch.testing.assert_close(gradient_prior_loss(image), gradient_prior_loss(image.float()))


@pytest.mark.parametrize(("alpha", "epsilon"), [(0, 1e-3), (1.1, 1e-3), (0.5, 0), (0.5, -1)])
def test_gradient_prior_loss_refuses_what_is_no_prior(alpha: float, epsilon: float) -> None:
    with pytest.raises(InvalidValueError, match="alpha must be in"):
        gradient_prior_loss(torch.rand(1, 3, 4, 4), alpha=alpha, epsilon=epsilon)
