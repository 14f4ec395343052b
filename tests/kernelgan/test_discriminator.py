from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from kernelgan.discriminator import PatchDiscriminator


def layer_by_layer(network: PatchDiscriminator) -> nn.Sequential:
    """The network as the paper draws it, from stock layers, with the same weights."""
    convs = [network.first.view(-1, 3, 7, 7), *network.hidden[..., None, None]]
    layers: list[nn.Module] = []
    for index, weight in enumerate(convs):
        conv = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], bias=True)
        conv.weight = nn.Parameter(weight.detach() / torch.linalg.matrix_norm(weight.flatten(1), 2))
        layers.append(conv)
        if index:
            norm = nn.BatchNorm2d(weight.shape[0])
            norm.weight = nn.Parameter(network.norm_gain[index - 1].detach().flatten())
            norm.bias = nn.Parameter(network.norm_shift[index - 1].detach().flatten())
            layers += [norm, nn.ReLU()]
    last = nn.Conv2d(network.last.shape[1], 1, 1)
    last.weight = nn.Parameter((network.last / network.last.norm()).detach()[..., None, None])
    last.bias = nn.Parameter(network.last_bias.detach().clone())
    return nn.Sequential(*layers, last, nn.Sigmoid()).double().train()


@pytest.fixture
def network() -> PatchDiscriminator:
    rng = torch.Generator().manual_seed(3)
    network = PatchDiscriminator(channels=16, rng=rng).double()
    with torch.no_grad():
        network.norm_gain += 0.3 * torch.randn(network.norm_gain.shape, generator=rng)
        network.norm_shift += 0.3 * torch.randn(network.norm_shift.shape, generator=rng)
        for _ in range(500):
            network.normalised_weights()
    return network


def crops(count: int = 2) -> Tensor:
    rng = torch.Generator().manual_seed(5)
    return torch.randn(count, 3, 12, 11, generator=rng, dtype=torch.float64)


def test_forward_equals_stock_layers_run_on_one_crop_at_a_time(network: PatchDiscriminator) -> None:
    images = crops()
    expected = torch.cat([layer_by_layer(network)(image[None])[:, 0] for image in images])
    torch.testing.assert_close(
        network(images, network.normalised_weights()), expected, rtol=0, atol=1e-10
    )


def test_gradients_equal_those_of_stock_layers(network: PatchDiscriminator) -> None:
    images = crops().requires_grad_()
    reference = layer_by_layer(network)
    expected_loss = sum(reference(image[None]).square().sum() for image in images)
    (expected,) = torch.autograd.grad(expected_loss, images, retain_graph=True)
    loss = network(images, network.normalised_weights()).square().sum()
    (got,) = torch.autograd.grad(loss, images, retain_graph=True)
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-9)
    norms = [layer for layer in reference if isinstance(layer, nn.BatchNorm2d)]
    expected_gains = torch.autograd.grad(expected_loss, [norm.weight for norm in norms])
    (got_gain,) = torch.autograd.grad(loss, network.norm_gain)
    torch.testing.assert_close(got_gain.flatten(1), torch.stack(expected_gains))


def test_normalised_weights_have_largest_singular_value_one() -> None:
    network = PatchDiscriminator(channels=16, rng=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for _ in range(300):
            first, hidden, last = network.normalised_weights()
    torch.testing.assert_close(
        torch.linalg.matrix_norm(hidden, 2), torch.ones(4), rtol=0, atol=1e-3
    )
    assert float(last.norm().detach()) == pytest.approx(1, abs=1e-6)
    exact = [w / torch.linalg.matrix_norm(w, 2) for w in (network.first, network.hidden[0])]
    torch.testing.assert_close(first, (exact[1] @ exact[0]).detach(), rtol=0, atol=1e-3)


def test_spectral_normalisation_follows_the_gradient_of_the_divided_weight() -> None:
    network = PatchDiscriminator(channels=8, rng=torch.Generator().manual_seed(1)).double()
    for _ in range(1000):
        network.normalised_weights()
    probe = torch.randn(4, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    (got,) = torch.autograd.grad((network.normalised_weights()[1] * probe).sum(), network.hidden)
    exact = network.hidden / torch.linalg.matrix_norm(network.hidden, 2)[:, None, None]
    (expected,) = torch.autograd.grad((exact[1:] * probe).sum(), network.hidden)
    torch.testing.assert_close(got, expected, rtol=0, atol=1e-6)


def test_weights_depend_on_the_generator_alone() -> None:
    torch.manual_seed(1)
    one = PatchDiscriminator(channels=8, rng=torch.Generator().manual_seed(7))
    torch.manual_seed(2)
    other = PatchDiscriminator(channels=8, rng=torch.Generator().manual_seed(7))
    for mine, theirs in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs)
