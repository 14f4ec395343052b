from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from degrade.errors import InvalidValueError
from esrgan.networks import RRDBNet
from tests.esrgan.networks.making import small_rrdbnet
from tests.esrgan.plain_model import PlainRRDBNet
from tests.rounding import assert_same_formula

LAYERS = [
    "conv_first",
    *(f"body.{n}.rdb{m}.conv{k}" for n in (0, 1) for m in (1, 2, 3) for k in (1, 2, 3, 4, 5)),
    "conv_body",
    "conv_up1",
    "conv_up2",
    "conv_hr",
    "conv_last",
]


@pytest.mark.parametrize("scale", [1, 2, 4])
def test_rrdbnet_has_the_names_of_basicsr(scale: int) -> None:
    expected = [f"{layer}.{kind}" for layer in LAYERS for kind in ("weight", "bias")]
    assert list(small_rrdbnet(scale).state_dict()) == expected


def test_rrdbnet_of_scale_3_has_one_enlarging_convolution() -> None:
    assert not any("conv_up2" in name for name in small_rrdbnet(3).state_dict())


def test_rrdbnet_of_default_size_has_the_published_number_of_weights() -> None:
    # 16 697 987 is what every description of ESRGAN's generator states as 16.7 M.
    with torch.device("meta"):
        assert sum(p.numel() for p in RRDBNet().parameters()) == 16_697_987


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_rrdbnet_equals_a_plainly_written_network(scale: int) -> None:
    network = small_rrdbnet(scale).double()
    plain = PlainRRDBNet(scale=scale, features=8, blocks=2, growth=4).double()
    plain.load_state_dict(network.state_dict(), strict=True)
    lr_BCHW = torch.rand(2, 3, 12, 8).double()
    assert_same_formula(network(lr_BCHW), plain(lr_BCHW))


@pytest.mark.parametrize("scale", [1, 2])
def test_rrdbnet_mirrors_odd_sides_as_real_esrgan_does(scale: int) -> None:
    network = small_rrdbnet(scale).double()
    lr_BCHW = torch.rand(1, 3, 5, 6).double()
    step = network.lr_multiple
    padded = functional.pad(lr_BCHW, (0, -6 % step, 0, -5 % step), mode="reflect")
    assert_same_formula(network(lr_BCHW), network(padded)[..., : 5 * scale, : 6 * scale])


@pytest.mark.parametrize(
    ("scale", "unshuffle", "factors"),
    [(1, 1, []), (2, 1, [2]), (4, 1, [2, 2]), (8, 1, [2, 2, 2]), (4, 2, [2, 2, 2]), (3, 1, [3])],
)
def test_rrdbnet_enlarges_what_it_has_not_unshuffled(
    scale: int, unshuffle: int, factors: list[int]
) -> None:
    network = small_rrdbnet(scale, unshuffle=unshuffle)
    assert [factor for factor, _ in network.enlargements()] == factors
    assert network(torch.rand(1, 3, 5, 7)).shape == (1, 3, 5 * scale, 7 * scale)


@pytest.mark.parametrize(("scale", "unshuffle"), [(3, 2), (4, 3), (2, 0), (1, 8)])
def test_rrdbnet_refuses_an_unshuffle_that_leads_to_no_scale(scale: int, unshuffle: int) -> None:
    with pytest.raises(InvalidValueError, match=f"unshuffle must be .*, got {unshuffle}"):
        small_rrdbnet(scale, unshuffle=unshuffle)


def test_dense_block_of_esrgan_plus_follows_its_paper() -> None:
    block = RRDBNet(features=8, blocks=1, growth=4, style="esrgan+").double().body[0].rdb1
    x_BCHW = torch.rand(1, 8, 6, 6).double()

    def activated(x: Tensor) -> Tensor:
        return functional.leaky_relu(x, 0.2)

    first = activated(block.conv1(x_BCHW))
    second = activated(block.conv2(torch.cat((x_BCHW, first), 1)))
    second = second + functional.conv2d(x_BCHW, block.conv1x1.weight)
    third = activated(block.conv3(torch.cat((x_BCHW, first, second), 1)))
    fourth = activated(block.conv4(torch.cat((x_BCHW, first, second, third), 1))) + second
    fifth = block.conv5(torch.cat((x_BCHW, first, second, third, fourth), 1))
    assert_same_formula(block(x_BCHW), x_BCHW + 0.2 * fifth)


def test_rrdbnet_starts_its_dense_blocks_at_a_tenth() -> None:
    torch.manual_seed(0)
    network = RRDBNet(features=64, blocks=1, growth=32)
    conv = network.body[0].rdb2.conv3
    fan_in = (64 + 2 * 32) * 9
    assert float(conv.weight.detach().std()) == pytest.approx(0.1 * math.sqrt(2 / fan_in), rel=0.05)
    assert not conv.bias.any()


def test_rrdbnet_refuses_a_growth_of_nothing() -> None:
    with pytest.raises(InvalidValueError, match="growth must be at least 1, got 0"):
        RRDBNet(growth=0)


def test_dense_block_scales_its_residual_by_a_fifth() -> None:
    block = small_rrdbnet(blocks=1).double().body[0].rdb1
    x_BCHW = torch.rand(1, 8, 6, 6).double()
    seen: list[Tensor] = [x_BCHW]
    for conv in (block.conv1, block.conv2, block.conv3, block.conv4):
        seen.append(functional.leaky_relu(conv(torch.cat(seen, 1)), 0.2))
    expected_BCHW = x_BCHW + 0.2 * block.conv5(torch.cat(seen, 1))
    assert_same_formula(block(x_BCHW), expected_BCHW)
