from __future__ import annotations

import pytest
import torch

from esrgan.networks import MSRResNet
from tests.esrgan.networks.making import small_msrresnet
from tests.esrgan.plain_model import PlainMSRResNet


def test_msrresnet_has_about_a_million_and_a_half_weights() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in MSRResNet().parameters()) == 1_517_571


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_msrresnet_equals_a_plainly_written_network_of_basicsr_names(scale: int) -> None:
    network = small_msrresnet(scale)
    plain = PlainMSRResNet(scale=scale, features=8, blocks=2)
    plain.load_state_dict(network.state_dict(), strict=True)
    lr_BCHW = torch.rand(2, 3, 9, 7)
    torch.testing.assert_close(network(lr_BCHW), plain(lr_BCHW))


def test_msrresnet_begins_near_bilinear_enlargement() -> None:
    torch.manual_seed(0)
    lr_BCHW = torch.rand(1, 3, 12, 12)
    base = torch.nn.functional.interpolate(lr_BCHW, scale_factor=4, mode="bilinear")
    assert (MSRResNet(blocks=2)(lr_BCHW) - base).abs().max() < 0.01
