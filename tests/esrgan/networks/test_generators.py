"""What every generator must do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from degrade.errors import InvalidValueError
from esrgan.networks import GENERATORS
from tests.esrgan.networks.making import EVERY, SMALL, set_positive
from tests.rounding import assert_same_formula


@pytest.mark.parametrize(("name", "scale"), EVERY)
@pytest.mark.parametrize("size", [(1, 1), (5, 8), (7, 6)])
def test_generators_enlarge_any_size(name: str, scale: int, size: tuple[int, int]) -> None:
    network = SMALL[name](scale, blocks=1).eval()
    height, width = size
    assert network(torch.rand(2, 3, height, width)).shape == (2, 3, scale * height, scale * width)


@pytest.mark.parametrize(("name", "scale"), EVERY)
def test_generators_pass_a_gradient_to_every_weight(name: str, scale: int) -> None:
    network = SMALL[name](scale)
    network(torch.rand(2, 3, 8, 8)).square().mean().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize(("name", "scale"), EVERY)
def test_generators_are_deterministic_and_leave_their_input(name: str, scale: int) -> None:
    network = SMALL[name](scale).eval()
    lr_BCHW = torch.rand(1, 3, 6, 7)
    before = lr_BCHW.clone()
    with torch.no_grad():
        assert torch.equal(network(lr_BCHW), network(lr_BCHW))
    assert torch.equal(lr_BCHW, before)


@pytest.mark.parametrize(("name", "scale"), EVERY)
def test_receptive_radius_is_where_influence_ends(name: str, scale: int) -> None:
    network = SMALL[name](scale, features=4, blocks=1).double().eval()
    set_positive(network)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    side, middle = 2 * network.receptive_radius + 9, network.receptive_radius + 4
    reach = 0
    for place in {middle, middle + 1, middle + 2, middle + 3}:
        lr_BCHW = torch.ones(1, 3, side, side, dtype=torch.float64, requires_grad=True)
        block = network(lr_BCHW)[0, 0, scale * place : scale * (place + 1), scale * place]
        (gradient_BCHW,) = torch.autograd.grad(block.sum(), lr_BCHW)
        rows = gradient_BCHW.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
        reach = max(reach, int((rows - place).abs().max()))
    assert reach <= network.receptive_radius <= reach + 2


@pytest.mark.parametrize(("name", "scale"), EVERY)
def test_generators_give_a_part_what_they_give_the_whole(name: str, scale: int) -> None:
    network = SMALL[name](scale, features=4, blocks=1).double().eval()
    step, radius = network.lr_multiple, network.receptive_radius
    margin = radius + -radius % step
    lr_BCHW = torch.rand(1, 3, 2 * margin + 8, 2 * margin + 8).double()
    with torch.no_grad():
        whole = network(lr_BCHW)
        part = network(lr_BCHW[:, :, step:, 2 * step :])
    inner = scale * margin
    assert_same_formula(
        part[..., inner:-inner, inner:-inner],
        whole[..., scale * step + inner : -inner, 2 * scale * step + inner : -inner],
    )


@pytest.mark.parametrize(("name", "scale"), EVERY)
def test_tail_gives_parts_of_the_features_what_it_gives_all(name: str, scale: int) -> None:
    network = SMALL[name](scale, features=4, blocks=1).double().eval()
    step, radius = network.lr_multiple, network.tail_radius
    lr_BCHW = torch.rand(1, 3, 3 * radius + 8 * step, 2 * radius + 12 * step).double()
    lr_BCHW = lr_BCHW[..., : lr_BCHW.shape[2] // step * step, :]
    with torch.no_grad():
        features = network.trunk(lr_BCHW)
        whole = network(lr_BCHW)
        assert torch.equal(network.tail(features, lr_BCHW), whole)
        # From the second row and the third column of blocks on.
        part = network.tail(features[..., 1:, 2:], lr_BCHW[..., step:, 2 * step :])
    seen, inner = whole[..., scale * step :, 2 * scale * step :], scale * radius
    assert_same_formula(part[..., inner:, inner:], seen[..., inner:, inner:])
    if radius:  # nearer to the cut it differs
        assert not torch.allclose(part[..., :1, :], seen[..., :1, :])


@pytest.mark.parametrize("name", GENERATORS)
@pytest.mark.parametrize(
    "arguments", [{"scale": 5}, {"features": 0}, {"blocks": 0}, {"in_channels": -1}]
)
def test_generators_refuse_sizes_that_make_no_network(name: str, arguments: dict[str, int]) -> None:
    with pytest.raises(InvalidValueError, match=f"{next(iter(arguments))} must be .*, got"):
        GENERATORS[name](**arguments)
