from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from degrade.kernels import downsample, gaussian_kernel
from kernelgan.config import KernelGANConfig
from kernelgan.windows import CropWindows, PatchColumns, ShiftedSum
from tests.rounding import assert_same_formula, gamma

LIKE = torch.empty(0, dtype=torch.float64)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=LIKE.dtype)


def crops_and_windows(scale: int, photos: int = 2) -> tuple[Tensor, CropWindows]:
    """Random crops (b, 3, H, W), and what takes them apart by phases."""
    config = KernelGANConfig(scale=scale)
    crops = draw(photos, 3, config.hr_crop, config.hr_crop)
    windows = CropWindows(photos, scale, config.lr_crop, LIKE)
    split = crops.unflatten(3, (-1, scale)).unflatten(2, (-1, scale))
    windows.load(split.permute(0, 3, 5, 1, 2, 4))
    return crops, windows


def correlate(crops: Tensor, kernels: Tensor, scale: int) -> Tensor:
    """Each photo's crop by each of its (b, n, K, K) kernels, as convs."""
    results = [
        F.conv2d(crop[:, None], own[:, None], stride=scale).transpose(0, 1)
        for crop, own in zip(crops, kernels, strict=True)
    ]
    return torch.stack(results)


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize("count", [1, 2])
def test_downscale_equals_a_strided_conv(scale: int, count: int) -> None:
    crops, windows = crops_and_windows(scale)
    kernels = draw(2, count, 6 * scale + 1, 6 * scale + 1, seed=1)
    got = windows.downscale(kernels)
    assert got.shape == (2, count, 3, 26, 26)
    assert_same_formula(got, correlate(crops, kernels, scale))


@pytest.mark.parametrize("scale", [2, 3])
def test_kernel_gradient_equals_autograd(scale: int) -> None:
    crops, windows = crops_and_windows(scale)
    for seed in (2, 3):  # the second time with buffers that are in use
        probe = draw(2, 3, 26, 26, seed=seed)
        kernels = draw(2, 6 * scale + 1, 6 * scale + 1, seed=1).requires_grad_()
        fakes = correlate(crops, kernels.unsqueeze(1), scale)[:, 0]
        (expected,) = torch.autograd.grad((fakes * probe).sum(), kernels)
        assert_same_formula(windows.kernel_gradient(probe), expected)


@pytest.mark.parametrize("scale", [2, 3])
def test_downscale_agrees_with_downsample_on_where_lr_pixels_lie(scale: int) -> None:
    crops, windows = crops_and_windows(scale, photos=1)
    kernel = gaussian_kernel(6 * scale + 1, scale, (0.5 * scale, scale))
    inner = windows.downscale(torch.tensor(kernel.weights)[None, None].to(LIKE))[0, 0]
    whole = downsample(crops[0].permute(1, 2, 0).float().numpy(), kernel)
    # downsample was given the crop in float32, and rounds its sums.
    allowed = gamma(3) * float(crops.abs().max())
    np.testing.assert_allclose(inner.permute(1, 2, 0), whole[3:-3, 3:-3], rtol=0, atol=allowed)


def test_patch_columns_are_those_of_unfold() -> None:
    patches = PatchColumns(2, 11, LIKE)
    for seed in (0, 1):
        images = draw(2, 3, 11, 11, seed=seed)
        assert torch.equal(patches.load(images), F.unfold(images, 7))


def test_patch_columns_add_up_as_fold_does() -> None:
    patches = PatchColumns(2, 11, LIKE)
    for seed in (0, 1):
        columns = draw(2, 147, 25, seed=seed)
        expected = F.fold(columns, 11, 7)
        # Both add up at most 7² values.
        allowed = 2 * gamma(49, torch.float64) * 49 * float(columns.abs().max())
        torch.testing.assert_close(patches.add_up(columns), expected, rtol=0, atol=allowed)


def test_shifted_sum_is_what_a_loop_adds_up() -> None:
    add = ShiftedSum((2,), 3, 4, 5, LIKE)
    for seed in (0, 1):
        blocks = draw(2, 3, 3, 4, 4, 5, seed=seed)
        expected = LIKE.new_zeros(2, 6, 6, 5)
        for row in range(3):
            for column in range(3):
                expected[:, row : row + 4, column : column + 4] += blocks[:, row, column]
        # Both add up at most 3² values.
        allowed = 2 * gamma(9, torch.float64) * 9 * float(blocks.abs().max())
        torch.testing.assert_close(add(blocks), expected, rtol=0, atol=allowed)
