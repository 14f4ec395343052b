from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from degrade.kernels import downsample, gaussian_kernel
from kernelgan.config import KernelGANConfig
from kernelgan.generator import LinearGenerator, extract_windows


def make(scale: int) -> LinearGenerator:
    """The real network at ×2; at ×3, whose six convs take seconds, a narrower one."""
    config = KernelGANConfig(scale=scale)
    return LinearGenerator(
        conv_sizes=config.conv_sizes,
        channels=64 if scale == 2 else 16,
        scale=scale,
        rng=torch.Generator().manual_seed(0),
    )


def crops(scale: int, dtype: torch.dtype) -> Tensor:
    side = KernelGANConfig(scale=scale).hr_crop
    return (
        torch.rand(3, side, side, generator=torch.Generator().manual_seed(1), dtype=dtype) * 2 - 1
    )


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_forward_equals_the_six_convs(scale: int, dtype: torch.dtype, tolerance: float) -> None:
    generator, images = make(scale).to(dtype), crops(scale, dtype)
    composed, layered = generator(images), generator.forward_convs(images)
    assert composed.shape == layered.shape == (3, 26, 26)
    scale_of_values = float(layered.detach().abs().max())
    assert float((composed - layered).detach().abs().max()) < tolerance * scale_of_values


@pytest.mark.parametrize("scale", [2, 3])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_every_gradient_equals_that_of_the_six_convs(
    scale: int, dtype: torch.dtype, tolerance: float
) -> None:
    generator, images = make(scale).to(dtype), crops(scale, dtype).requires_grad_()
    probe = torch.randn(3, 26, 26, generator=torch.Generator().manual_seed(2), dtype=dtype)
    inputs = [images, *generator.weights]
    composed = torch.autograd.grad((generator(images) * probe).sum(), inputs)
    layered = torch.autograd.grad((generator.forward_convs(images) * probe).sum(), inputs)
    assert len(composed) == 7
    for got, expected in zip(composed, layered, strict=True):
        assert float(expected.abs().max()) > 0
        assert float((got - expected).abs().max()) < tolerance * float(expected.abs().max())


@pytest.mark.parametrize("scale", [2, 3])
def test_compose_returns_the_impulse_response(scale: int) -> None:
    generator = make(scale).double()
    size = KernelGANConfig(scale=scale).kernel_size
    generator.scale = 1
    impulse = torch.zeros(1, 2 * size - 1, 2 * size - 1, dtype=torch.float64)
    impulse[0, size - 1, size - 1] = 1
    response = generator.forward_convs(impulse)[0]
    torch.testing.assert_close(generator.compose(), response.flip(0, 1), rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize("scale", [2, 3])
def test_extract_windows_agrees_with_downsample_on_where_lr_pixels_lie(scale: int) -> None:
    images = crops(scale, torch.float32)
    kernel = gaussian_kernel(KernelGANConfig(scale=scale).kernel_size, scale, (0.5 * scale, scale))
    windows, shape = extract_windows(images, kernel.size, scale)
    inner = (windows @ torch.tensor(kernel.weights.flatten())).reshape(shape).permute(1, 2, 0)
    whole = downsample(images.permute(1, 2, 0).numpy(), kernel)
    np.testing.assert_allclose(inner.numpy(), whole[3:-3, 3:-3], rtol=0, atol=1e-5)


def test_extract_windows_returns_a_copy() -> None:
    images = torch.zeros(1, 5, 5)
    windows, shape = extract_windows(images, 3, 2)
    windows += 1
    assert shape == (1, 2, 2)
    assert not images.any()
