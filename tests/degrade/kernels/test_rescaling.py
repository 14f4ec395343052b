from __future__ import annotations

import numpy as np
import pytest

from degrade.geometry import as_scale
from degrade.kernels import gaussian_kernel, kernel_sigmas
from degrade.kernels.metrics import kernel_psnr
from degrade.kernels.rescaling import rescale_kernel


@pytest.mark.parametrize(("old", "new"), [("2", "1.5"), ("3", "2.5"), ("2", "7/3"), ("4", "8")])
def test_rescale_kernel_keeps_the_blur_in_lr_pixels(old: str, new: str) -> None:
    before, after = as_scale(old), as_scale(new)
    wide, narrow = 0.8, 0.5  # LR pixels
    kernels = [
        gaussian_kernel(2 * int(4 * step) + 1, scale, (wide * step, narrow * step), 0.5)
        for scale in (before, after)
        for step in [float(scale)]
    ]
    found = rescale_kernel(kernels[0], after)
    assert found.scale == after
    assert kernel_psnr(found.weights, kernels[1].weights) > 60
    expected = np.array([wide, narrow]) * float(after)
    np.testing.assert_allclose(kernel_sigmas(found.weights), expected, rtol=0.02)


def test_rescale_kernel_leaves_its_own_scale_alone() -> None:
    kernel = gaussian_kernel(13, 3, (1.5, 1.2))
    assert rescale_kernel(kernel, 3) is kernel
