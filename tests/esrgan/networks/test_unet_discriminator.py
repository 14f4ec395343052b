from __future__ import annotations

import pytest
import torch
from torch import nn

from degrade.errors import InvalidValueError
from esrgan.networks import SpectralConv2d, UNetDiscriminator


class PlainUNet(nn.Module):
    """Figure 6 of the Real-ESRGAN paper, with the names of its authors."""

    def __init__(self, f: int) -> None:
        super().__init__()
        sn = nn.utils.spectral_norm
        self.conv0 = nn.Conv2d(3, f, 3, 1, 1)
        for n, (cin, cout) in enumerate([(f, 2 * f), (2 * f, 4 * f), (4 * f, 8 * f)], 1):
            setattr(self, f"conv{n}", sn(nn.Conv2d(cin, cout, 4, 2, 1, bias=False)))
        sizes = [(8 * f, 4 * f), (4 * f, 2 * f), (2 * f, f), (f, f), (f, f)]
        for n, (cin, cout) in enumerate(sizes, 4):
            setattr(self, f"conv{n}", sn(nn.Conv2d(cin, cout, 3, 1, 1, bias=False)))
        self.conv9 = nn.Conv2d(f, 1, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        act, up = nn.LeakyReLU(0.2), nn.Upsample(scale_factor=2, mode="bilinear")
        x0 = act(self.conv0(x))
        x1 = act(self.conv1(x0))
        x2 = act(self.conv2(x1))
        x3 = act(self.conv3(x2))
        x4 = act(self.conv4(up(x3))) + x2
        x5 = act(self.conv5(up(x4))) + x1
        x6 = act(self.conv6(up(x5))) + x0
        return self.conv9(act(self.conv8(act(self.conv7(x6)))))


@pytest.mark.parametrize("training", [True, False])
def test_unet_discriminator_equals_the_published_one(training: bool) -> None:
    torch.manual_seed(0)
    network, plain = UNetDiscriminator(features=4).train(training), PlainUNet(4).train(training)
    plain.load_state_dict(network.state_dict(), strict=True)
    image_BCHW = torch.rand(2, 3, 32, 40)
    torch.testing.assert_close(network(image_BCHW), plain(image_BCHW))


def test_unet_discriminator_has_the_published_number_of_weights() -> None:
    assert sum(p.numel() for p in UNetDiscriminator().parameters()) == 4_376_897


@pytest.mark.parametrize("size", [(8, 8), (9, 15), (31, 20), (64, 64)])
def test_unet_discriminator_judges_every_pixel_of_any_size(size: tuple[int, int]) -> None:
    assert UNetDiscriminator(features=2)(torch.rand(1, 3, *size)).shape == (1, 1, *size)


def test_unet_discriminator_passes_a_gradient_to_every_weight() -> None:
    torch.manual_seed(0)
    network = UNetDiscriminator(features=4)
    network(torch.rand(2, 3, 16, 16)).square().mean().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, key


def test_unet_discriminator_normalises_all_but_the_outer_convolutions() -> None:
    network = UNetDiscriminator(features=2)
    kinds = [isinstance(getattr(network, f"conv{n}"), SpectralConv2d) for n in range(10)]
    assert kinds == [False, *[True] * 8, False]


def test_unet_discriminator_refuses_no_features() -> None:
    with pytest.raises(InvalidValueError, match="features must be at least 1, got 0"):
        UNetDiscriminator(features=0)
