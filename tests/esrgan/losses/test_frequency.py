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
    assert loss.item() == 0 and image.grad is not None and not image.grad.any()


def test_focal_frequency_loss_refuses_other_shapes() -> None:
    with pytest.raises(InvalidValueError, match="one shape"):
        focal_frequency_loss(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 9))


def test_focal_frequency_loss_brings_down_the_largest_difference_first() -> None:
    """By squares, both waves of a difference shrink alike in a small run of gradient descent."""
    places = torch.arange(16, dtype=torch.float64)
    high = torch.cos(2 * torch.pi * places * 5 / 16).expand(1, 1, 16, 16)
    low = torch.cos(2 * torch.pi * places / 16).expand(1, 1, 16, 16)
    hr_BCHW, ratios = torch.full((1, 1, 16, 16), 0.5, dtype=torch.float64), []
    for loss in (focal_frequency_loss, torch.nn.functional.mse_loss):
        sr_BCHW = (hr_BCHW + 0.2 * high + 0.05 * low).requires_grad_()
        optimizer = torch.optim.SGD([sr_BCHW], lr=5.0)
        for _ in range(20):
            optimizer.zero_grad()
            loss(sr_BCHW, hr_BCHW).backward()
            optimizer.step()
        left = sr_BCHW.detach() - hr_BCHW
        ratios.append(float((left * high).mean() / (left * low).mean()))
    assert ratios[0] < 0.8 * ratios[1]
    assert ratios[1] == pytest.approx(4, rel=1e-9)
