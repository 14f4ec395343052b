from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from kernelgan.config import KernelGANConfig
from kernelgan.generator import LinearGenerator

LIKE = torch.empty(0, dtype=torch.float64)


def make(scale: int, *seeds: int) -> LinearGenerator:
    return LinearGenerator(
        conv_sizes=KernelGANConfig(scale=scale).conv_sizes,
        channels=16,
        rngs=[torch.Generator().manual_seed(seed) for seed in seeds],
        like=LIKE,
    )


def impulse_response(convs: list[Tensor]) -> Tensor:
    """The correlation kernel of convs (n_out, n_in, size, size) run one after the other."""
    size = sum(conv.shape[-1] - 1 for conv in convs) + 1
    features = torch.zeros(1, 1, 2 * size - 1, 2 * size - 1, dtype=LIKE.dtype)
    features[..., size - 1, size - 1] = 1
    for conv in convs:
        features = F.conv2d(features, conv)
    return features[0, 0].flip(0, 1)


@pytest.mark.parametrize("scale", [2, 3])
def test_compose_returns_the_impulse_response_of_each_photo(scale: int) -> None:
    generator = make(scale, 0, 1)
    kernels, convs = generator.compose(), generator.conv_weights(generator.parameters.parts)
    assert kernels.shape == (2, 6 * scale + 1, 6 * scale + 1)
    for index, kernel in enumerate(kernels):
        expected = impulse_response([conv[index] for conv in convs])
        torch.testing.assert_close(kernel, expected, rtol=1e-11, atol=1e-18)


@pytest.mark.parametrize("scale", [2, 3])
def test_set_gradient_equals_autograd_through_the_convs(scale: int) -> None:
    generator = make(scale, 0, 1)
    kernels, convs = generator.compose(), generator.conv_weights(generator.parameters.parts)
    probe = torch.randn(
        kernels.shape, generator=torch.Generator().manual_seed(2), dtype=kernels.dtype
    )
    generator.set_gradient(probe)
    got = generator.conv_weights(generator.parameters.gradients)
    for index in range(2):
        own = [conv[index].clone().requires_grad_() for conv in convs]
        expected = torch.autograd.grad((impulse_response(own) * probe[index]).sum(), own)
        for gradient, right in zip(got, expected, strict=True):
            assert float(right.abs().max()) > 0
            difference = float((gradient[index] - right).abs().max())
            assert difference < 1e-12 * float(right.abs().max())


def test_weights_depend_on_the_photos_generator_alone() -> None:
    torch.manual_seed(1)
    alone = make(2, 7)
    torch.manual_seed(2)
    together = make(2, 5, 7)
    for own, both in zip(alone.parameters.parts, together.parameters.parts, strict=True):
        assert torch.equal(own[0], both[1])
    assert not torch.equal(together.parameters.parts[0][0], together.parameters.parts[0][1])
