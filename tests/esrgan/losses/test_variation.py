from __future__ import annotations

import numpy as np
import pytest
import torch

from esrgan.losses import total_variation


def test_total_variation_sums_over_an_image_and_averages_over_the_batch() -> None:
    images = torch.rand(3, 2, 4, 5, dtype=torch.float64)
    values = images.numpy()
    naive = 0.0
    for y in range(4):
        for x in range(5):
            if x < 4:
                naive += np.abs(values[:, :, y, x + 1] - values[:, :, y, x]).sum()
            if y < 3:
                naive += np.abs(values[:, :, y + 1, x] - values[:, :, y, x]).sum()
    assert float(total_variation(images)) == pytest.approx(naive / 3, rel=1e-12)


def test_total_variation_of_a_step_is_its_height_times_its_length() -> None:
    image = torch.zeros(1, 3, 8, 8)
    image[..., 4:] = 0.5
    assert float(total_variation(image)) == 3 * 8 * 0.5
    assert float(total_variation(torch.full((2, 3, 8, 8), 0.3))) == 0


def test_total_variation_has_the_gradient_of_its_value() -> None:
    image = torch.rand(2, 2, 4, 3, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(total_variation, (image,))


def test_total_variation_sums_half_precision_in_float32() -> None:
    image = torch.rand(1, 3, 64, 64).bfloat16()
    torch.testing.assert_close(total_variation(image), total_variation(image.float()))
