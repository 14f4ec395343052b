from __future__ import annotations

import numpy as np
import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.losses import focal_frequency_loss


def test_focal_frequency_loss_is_the_formula() -> None:
    sr, hr = torch.rand(2, 2, 3, 6, 5, dtype=torch.float64)
    naive = []
    for one, other in zip(sr.numpy().reshape(-1, 6, 5), hr.numpy().reshape(-1, 6, 5), strict=True):
        distance = np.abs(np.fft.fft2(one, norm="ortho") - np.fft.fft2(other, norm="ortho"))
        naive.append((distance / distance.max() * distance**2).mean())
    assert float(focal_frequency_loss(sr, hr)) == pytest.approx(np.mean(naive), rel=1e-12)


def test_focal_frequency_loss_of_one_wave_is_its_power() -> None:
    """All weight is at the only frequency that differs: the loss is the mean square."""
    hr = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    wave = torch.exp(2j * torch.pi * torch.arange(8) / 4).real.double().expand(1, 1, 8, 8)
    loss = focal_frequency_loss(hr + 0.1 * wave, hr)
    assert float(loss) == pytest.approx(float((0.1 * wave).square().mean()), rel=1e-12)


def test_focal_frequency_loss_of_equal_images_is_0_with_a_gradient_of_0() -> None:
    image = torch.rand(1, 3, 8, 8, requires_grad=True)
    loss = focal_frequency_loss(image, image.detach().clone())
    loss.backward()
    assert float(loss) == 0 and image.grad is not None and not image.grad.any()


def test_focal_frequency_loss_refuses_other_shapes() -> None:
    with pytest.raises(InvalidValueError, match="one shape"):
        focal_frequency_loss(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 9))
