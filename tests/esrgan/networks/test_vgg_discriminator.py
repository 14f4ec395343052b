from __future__ import annotations

import pytest
import torch
from torch import nn

from degrade.errors import InvalidValueError
from esrgan.networks import VGGDiscriminator


class PlainVGG128(nn.Module):
    """The published network of 128 pixels, stage by stage, with its names."""

    def __init__(self, f: int) -> None:
        super().__init__()
        self.widths = [f, 2 * f, 4 * f, 8 * f, 8 * f]
        before = 3
        for n, width in enumerate(self.widths):
            setattr(self, f"conv{n}_0", nn.Conv2d(before, width, 3, 1, 1, bias=n == 0))
            setattr(self, f"conv{n}_1", nn.Conv2d(width, width, 4, 2, 1, bias=False))
            setattr(self, f"bn{n}_1", nn.BatchNorm2d(width))
            if n:
                setattr(self, f"bn{n}_0", nn.BatchNorm2d(width))
            before = width
        self.linear1 = nn.Linear(8 * f * 4 * 4, 100)
        self.linear2 = nn.Linear(100, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        act = nn.LeakyReLU(0.2)
        x = act(self.conv0_0(x))
        x = act(self.bn0_1(self.conv0_1(x)))
        for n in range(1, 5):
            x = act(getattr(self, f"bn{n}_0")(getattr(self, f"conv{n}_0")(x)))
            x = act(getattr(self, f"bn{n}_1")(getattr(self, f"conv{n}_1")(x)))
        return self.linear2(act(self.linear1(x.reshape(len(x), -1))))


def test_vgg_discriminator_of_128_pixels_equals_the_published_one() -> None:
    torch.manual_seed(0)
    network, plain = VGGDiscriminator(features=4), PlainVGG128(4)
    plain.load_state_dict(network.state_dict(), strict=True)
    image_BCHW = torch.rand(2, 3, 128, 128)
    torch.testing.assert_close(network(image_BCHW), plain(image_BCHW))


def test_vgg_discriminator_has_the_published_number_of_weights() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in VGGDiscriminator().parameters()) == 14_499_401


@pytest.mark.parametrize(
    ("patch_size", "stages", "side"),
    [(8, 1, 4), (15, 1, 7), (16, 2, 4), (50, 3, 6), (96, 4, 6), (128, 5, 4), (256, 6, 4)],
)
def test_vgg_discriminator_is_made_for_any_patch(patch_size: int, stages: int, side: int) -> None:
    network = VGGDiscriminator(features=2, patch_size=patch_size)
    assert network.stages == stages
    assert network.linear1.in_features == 2 * min(2 ** (stages - 1), 8) * side**2
    assert network(torch.rand(2, 3, patch_size, patch_size)).shape == (2, 1)


@pytest.mark.parametrize("patch_size", [32, 48])
def test_vgg_discriminator_passes_a_gradient_to_every_weight(patch_size: int) -> None:
    torch.manual_seed(0)
    network = VGGDiscriminator(features=4, patch_size=patch_size)
    network(torch.rand(4, 3, patch_size, patch_size)).square().mean().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, key


def test_vgg_discriminator_refuses_other_patches() -> None:
    with pytest.raises(InvalidValueError, match="patches of 32 pixels, got \\(32, 40\\)"):
        VGGDiscriminator(features=2, patch_size=32)(torch.rand(2, 3, 32, 40))
    with pytest.raises(InvalidValueError, match="patch_size must be at least 8, got 7"):
        VGGDiscriminator(patch_size=7)
