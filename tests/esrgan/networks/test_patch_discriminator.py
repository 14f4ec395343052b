from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import nn

from degrade.errors import InvalidValueError
from esrgan.networks import PatchDiscriminator, SpectralConv2d

NORMS = ["batch", "instance", "spectral", "none"]


@pytest.mark.parametrize("norm", NORMS)
def test_patch_discriminator_gives_a_map_of_logits(norm: str) -> None:
    network = PatchDiscriminator(features=8, norm=norm)
    assert network(torch.rand(2, 3, 128, 128)).shape == (2, 1, 14, 14)
    convs = [m for m in network.modules() if isinstance(m, nn.Conv2d | SpectralConv2d)]
    assert len(convs) == 5
    assert sum(conv.stride in (2, (2, 2)) for conv in convs) == 3


@pytest.mark.parametrize("norm", NORMS)
def test_patch_discriminator_passes_a_gradient_to_every_weight(norm: str) -> None:
    torch.manual_seed(0)
    network = PatchDiscriminator(features=4, norm=norm)
    network(torch.rand(2, 3, 48, 48)).square().mean().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, key


def test_patch_discriminator_normalises_every_convolution_or_all_but_the_outer_two() -> None:
    spectral = PatchDiscriminator(features=4, norm="spectral")
    assert sum(isinstance(m, SpectralConv2d) for m in spectral.modules()) == 5
    for norm, kind in (("batch", nn.BatchNorm2d), ("instance", nn.InstanceNorm2d)):
        network = PatchDiscriminator(features=4, norm=norm)
        assert [isinstance(m, kind) for m in network.model].index(True) == 3
        assert sum(isinstance(m, kind) for m in network.modules()) == 3


def test_patch_discriminator_has_the_weights_of_pix2pix() -> None:
    widths = [3, 64, 128, 256, 512, 1]
    weights = sum(16 * a * b for a, b in pairwise(widths))
    biases, norms = 64 + 1, 2 * (128 + 256 + 512)
    with torch.device("meta"):
        numbers = sum(p.numel() for p in PatchDiscriminator().parameters())
    assert numbers == weights + biases + norms == 2_765_633


def test_patch_discriminator_sees_70_pixels() -> None:
    torch.manual_seed(0)
    network = PatchDiscriminator(features=4, norm="none")
    image_BCHW = torch.rand(1, 3, 160, 160, requires_grad=True)
    (gradient_BCHW,) = torch.autograd.grad(network(image_BCHW)[0, 0, 9, 9], image_BCHW)
    assert int(gradient_BCHW.abs().sum(dim=(0, 1, 3)).count_nonzero()) == 70


@pytest.mark.parametrize("norm", NORMS)
def test_patch_discriminator_takes_its_smallest_side(norm: str) -> None:
    for layers in (1, 2, 3, 4):
        network = PatchDiscriminator(features=2, layers=layers, norm=norm)
        side = network.smallest_side
        assert network(torch.rand(2, 3, side, side)).numel() > 0


def test_patch_discriminator_survives_a_batch_of_nan() -> None:
    for norm in ("batch", "spectral"):
        network = PatchDiscriminator(features=4, norm=norm).eval()
        image_BCHW = torch.rand(2, 3, 64, 64)
        before = network(image_BCHW)
        network.train()(image_BCHW * torch.nan)
        assert network.eval()(image_BCHW).isfinite().all()
        if norm == "batch":
            torch.testing.assert_close(network(image_BCHW), before)


def test_patch_discriminator_refuses_what_makes_no_network() -> None:
    with pytest.raises(InvalidValueError, match=r"norm must be .*, got 'layer'"):
        PatchDiscriminator(norm="layer")
    with pytest.raises(InvalidValueError, match="layers must be at least 1, got 0"):
        PatchDiscriminator(layers=0)
