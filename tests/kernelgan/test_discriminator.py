from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from kernelgan.discriminator import PatchDiscriminator
from kernelgan.discriminator_pass import DiscriminatorPass

LIKE = torch.empty(0, dtype=torch.float64)
SIDE = 12


def make(*seeds: int, channels: int = 16) -> PatchDiscriminator:
    """Networks with gains of both signs, whose singular vectors have been found."""
    network = PatchDiscriminator(
        channels=channels, rngs=[torch.Generator().manual_seed(s) for s in seeds], like=LIKE
    )
    for index, seed in enumerate(seeds):
        rng = torch.Generator().manual_seed(100 + seed)
        for part in network.parameters.parts[3:]:
            part[index] += torch.randn(part.shape[1:], generator=rng, dtype=part.dtype)
    for _ in range(3000):
        network.normalise()
    return network


def layer_by_layer(network: PatchDiscriminator, photo: int) -> nn.Sequential:
    """The network as the paper draws it, from stock layers, with the same weights."""
    first, hidden, last, bias, gain, shift = (part[photo] for part in network.parameters.parts)
    convs = [first.view(-1, 3, 7, 7), *hidden[..., None, None], last[..., None, None]]
    layers: list[nn.Module] = []
    for index, weight in enumerate(convs):
        conv = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], bias=True)
        conv.weight = nn.Parameter(weight / torch.linalg.matrix_norm(weight.flatten(1), 2))
        layers.append(conv)
        if 0 < index < 6:
            norm = nn.BatchNorm2d(weight.shape[0])
            norm.weight = nn.Parameter(gain[index - 1].flatten())
            norm.bias = nn.Parameter(shift[index - 1].flatten())
            layers += [norm, nn.ReLU()]
    conv.bias = nn.Parameter(bias.flatten())
    return nn.Sequential(*layers, nn.Sigmoid()).double().train()


def crops(count: int, seed: int = 5) -> Tensor:
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(count, 3, SIDE, SIDE, generator=rng, dtype=torch.float64)


def stock_maps(network: PatchDiscriminator, images: Tensor, count: int) -> Tensor:
    """Return the maps of stock layers that see one crop at a time, (b, n, P)."""
    maps = [
        layer_by_layer(network, index // count)(image[None])[0, 0].flatten()
        for index, image in enumerate(images)
    ]
    return torch.stack(maps).unflatten(0, (-1, count))


@pytest.fixture(scope="module")
def network() -> PatchDiscriminator:
    return make(1, 2)


@pytest.mark.parametrize("count", [1, 2])
def test_forward_equals_stock_layers_run_on_one_crop_at_a_time(
    network: PatchDiscriminator, count: int
) -> None:
    crop_pass = DiscriminatorPass(network, count, SIDE)
    for seed in (5, 6):
        images = crops(2 * count, seed)
        expected = stock_maps(network, images, count)
        torch.testing.assert_close(crop_pass.forward(images), expected, rtol=0, atol=1e-9)


def test_image_gradient_equals_that_of_stock_layers(network: PatchDiscriminator) -> None:
    images = crops(4).requires_grad_()
    probe = torch.rand(2, 2, 36, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (expected,) = torch.autograd.grad((stock_maps(network, images, 2) * probe).sum(), images)
    crop_pass = DiscriminatorPass(network, 2, SIDE)
    crop_pass.forward(images.detach())
    got = crop_pass.image_gradient(probe).view_as(expected)
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-9)


def test_forward_survives_gains_of_zero() -> None:
    network = make(3)
    network.parameters.parts[4][0, :, ::2] = 0
    network.normalise()
    images = crops(1)
    crop_pass = DiscriminatorPass(network, 1, SIDE)
    got = crop_pass.forward(images)
    torch.testing.assert_close(got, stock_maps(network, images, 1), rtol=0, atol=1e-9)
    crop_pass.set_gradient(1.0)
    assert torch.isfinite(network.parameters.gradient).all()


def test_forward_survives_a_crop_of_one_colour(network: PatchDiscriminator) -> None:
    crop_pass = DiscriminatorPass(network, 1, SIDE)
    looks = crop_pass.forward(torch.zeros(2, 3, SIDE, SIDE, dtype=torch.float64))
    crop_pass.set_gradient(1.0)
    assert torch.isfinite(looks).all()
    assert torch.isfinite(network.parameters.gradient).all()


def test_weights_depend_on_the_photos_generator_alone() -> None:
    torch.manual_seed(1)
    alone = make(7)
    torch.manual_seed(2)
    together = make(5, 7)
    for own, both in zip(alone.parameters.parts, together.parameters.parts, strict=True):
        assert torch.equal(own[0], both[1])
