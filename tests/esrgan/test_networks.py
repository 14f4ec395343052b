from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from degrade.errors import InvalidValueError
from esrgan.networks import PatchDiscriminator, RRDBNet, check_device
from tests.esrgan.plain_model import PlainRRDBNet

LAYERS = [
    "conv_first",
    *(f"body.{n}.rdb{m}.conv{k}" for n in (0, 1) for m in (1, 2, 3) for k in (1, 2, 3, 4, 5)),
    "conv_body",
    "conv_up1",
    "conv_up2",
    "conv_hr",
    "conv_last",
]


def small(scale: int = 4, blocks: int = 2) -> RRDBNet:
    torch.manual_seed(0)
    return RRDBNet(scale=scale, features=8, blocks=blocks, growth=4)


@pytest.mark.parametrize("scale", [2, 4])
def test_rrdbnet_has_the_names_of_basicsr(scale: int) -> None:
    expected = {f"{layer}.{kind}" for layer in LAYERS for kind in ("weight", "bias")}
    assert set(small(scale).state_dict()) == expected


def test_rrdbnet_of_scale_3_has_one_enlarging_convolution() -> None:
    assert not any("conv_up2" in name for name in small(3).state_dict())


def test_rrdbnet_of_default_size_has_the_published_number_of_weights() -> None:
    # 16 697 987 is what every description of ESRGAN's generator states as 16.7 M.
    with torch.device("meta"):
        assert sum(p.numel() for p in RRDBNet().parameters()) == 16_697_987


@pytest.mark.parametrize("scale", [2, 4])
def test_rrdbnet_equals_a_plainly_written_network(scale: int) -> None:
    network = small(scale)
    plain = PlainRRDBNet(scale=scale, features=8, blocks=2, growth=4)
    plain.load_state_dict(network.state_dict(), strict=True)
    lr_BCHW = torch.rand(2, 3, 12, 10)
    torch.testing.assert_close(network(lr_BCHW), plain(lr_BCHW))


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (5, 8), (7, 7)])
def test_rrdbnet_enlarges_any_size(scale: int, size: tuple[int, int]) -> None:
    height, width = size
    sr_BCHW = small(scale, blocks=1)(torch.rand(1, 3, height, width))
    assert sr_BCHW.shape == (1, 3, scale * height, scale * width)


def test_rrdbnet_starts_its_dense_blocks_at_a_tenth() -> None:
    torch.manual_seed(0)
    network = RRDBNet(features=64, blocks=1, growth=32)
    conv = network.body[0].rdb2.conv3
    fan_in = (64 + 2 * 32) * 9
    assert float(conv.weight.detach().std()) == pytest.approx(0.1 * math.sqrt(2 / fan_in), rel=0.05)
    assert not conv.bias.any()


def test_receptive_radius_is_where_influence_ends() -> None:
    torch.manual_seed(0)
    for scale in (2, 3, 4):
        network = RRDBNet(scale=scale, features=4, blocks=1, growth=2).double()
        for parameter in network.parameters():
            nn.init.uniform_(parameter, 0.1, 1.0)  # nothing may cancel
        lr_BCHW = torch.ones(1, 3, 81, 81, dtype=torch.float64, requires_grad=True)
        centre = network(lr_BCHW)[0, 0, scale * 40, scale * 40]
        (gradient_BCHW,) = torch.autograd.grad(centre, lr_BCHW)
        rows = gradient_BCHW.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
        reach = int((rows - 40).abs().max())
        assert reach <= network.receptive_radius <= reach + 2


@pytest.mark.parametrize("arguments", [{"scale": 5}, {"features": 0}, {"blocks": 0}, {"growth": 0}])
def test_rrdbnet_refuses_sizes_that_make_no_network(arguments: dict[str, int]) -> None:
    with pytest.raises(InvalidValueError, match=next(iter(arguments))):
        RRDBNet(**arguments)


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
def test_patch_discriminator_gives_a_map_of_logits(norm: str) -> None:
    network = PatchDiscriminator(features=8, norm=norm)
    assert network(torch.rand(2, 3, 128, 128)).shape == (2, 1, 14, 14)
    strided = [m for m in network.modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)]
    assert len(strided) == 3
    kernels = {m.kernel_size for m in network.modules() if isinstance(m, nn.Conv2d)}
    assert kernels == {(4, 4)}


def test_patch_discriminator_sees_70_pixels() -> None:
    torch.manual_seed(0)
    network = PatchDiscriminator(features=4, norm="none")
    image_BCHW = torch.rand(1, 3, 160, 160, requires_grad=True)
    (gradient_BCHW,) = torch.autograd.grad(network(image_BCHW)[0, 0, 9, 9], image_BCHW)
    assert int(gradient_BCHW.abs().sum(dim=(0, 1, 3)).count_nonzero()) == 70


def test_patch_discriminator_takes_its_smallest_side() -> None:
    for layers in (1, 2, 3, 4):
        network = PatchDiscriminator(features=2, layers=layers)
        side = network.smallest_side
        assert network(torch.rand(2, 3, side, side)).numel() > 0


def test_patch_discriminator_survives_a_batch_of_nan() -> None:
    network = PatchDiscriminator(features=4)
    image_BCHW = torch.rand(2, 3, 64, 64)
    before = network(image_BCHW)
    network(image_BCHW * torch.nan)
    torch.testing.assert_close(network(image_BCHW), before)


def test_patch_discriminator_refuses_an_unknown_norm() -> None:
    with pytest.raises(InvalidValueError, match="norm"):
        PatchDiscriminator(norm="layer")


def test_check_device_names_what_is_not_there() -> None:
    check_device("cpu")
    with pytest.raises(InvalidValueError, match="'tpu9'"):
        check_device("tpu9")


def test_dense_block_scales_its_residual_by_a_fifth() -> None:
    network = small(blocks=1)
    block = network.body[0].rdb1
    x_BCHW = torch.rand(1, 8, 6, 6)
    seen: list[Tensor] = [x_BCHW]
    for conv in (block.conv1, block.conv2, block.conv3, block.conv4):
        seen.append(functional.leaky_relu(conv(torch.cat(seen, 1)), 0.2))
    expected_BCHW = x_BCHW + 0.2 * block.conv5(torch.cat(seen, 1))
    torch.testing.assert_close(block(x_BCHW), expected_BCHW)
