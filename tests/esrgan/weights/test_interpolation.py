from __future__ import annotations

import pytest
import torch
from torch import nn

from degrade.errors import InvalidValueError
from esrgan.networks import Generator, RRDBNet, SRResNet
from esrgan.weights.files import Weights, weights_of
from esrgan.weights.identification import network_from_state_dict
from esrgan.weights.interpolation import interpolate_weights


def drawn(seed: int, kind: type[nn.Module] = RRDBNet, **sizes: int) -> Weights:
    torch.manual_seed(seed)
    network: Generator = kind(**({"features": 4, "blocks": 1} | sizes))  # type: ignore[assignment]
    for buffer in network.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 2)
    return weights_of(network)


@pytest.mark.parametrize("kind", [RRDBNet, SRResNet])
def test_interpolate_weights_goes_from_one_to_the_other(kind: type[nn.Module]) -> None:
    first, second = drawn(0, kind), drawn(1, kind)
    for alpha in (0.0, 0.25, 0.8, 1.0):
        mixed = interpolate_weights(first, second, alpha)
        for name, tensor in first.state.items():
            if tensor.is_floating_point():  # equation (12)
                expected = (1 - alpha) * tensor + alpha * second.state[name]
                torch.testing.assert_close(mixed.state[name], expected)
        network_from_state_dict(mixed.state)
    for alpha, end in ((0.0, first), (1.0, second)):
        mixed = interpolate_weights(first, end, alpha)
        assert all(torch.equal(mixed.state[name], t) for name, t in end.state.items())


def test_interpolate_weights_of_a_network_with_itself_is_itself() -> None:
    weights = drawn(0)
    mixed = interpolate_weights(weights, weights, 0.3)
    assert all(torch.equal(mixed.state[name], t) for name, t in weights.state.items())


def test_interpolate_weights_gives_float32_of_any_precision() -> None:
    half = drawn(0)
    half = Weights(spec=half.spec, state={name: t.half() for name, t in half.state.items()})
    mixed = interpolate_weights(half, drawn(1), 0.5)
    assert {t.dtype for t in mixed.state.values()} == {torch.float32}


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (drawn(1, features=8), "got RRDBNet ×4.* features 4.* and RRDBNet ×4.* features 8"),
        (drawn(1, scale=2), "×4.* and .*×2"),
        (drawn(1, SRResNet), "RRDBNet .* and SRResNet"),
    ],
)
def test_interpolate_weights_refuses_networks_of_other_forms(other: Weights, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        interpolate_weights(drawn(0), other, 0.5)


@pytest.mark.parametrize("alpha", [-0.1, 1.1, float("nan")])
def test_interpolate_weights_refuses_alpha_out_of_range(alpha: float) -> None:
    with pytest.raises(InvalidValueError, match="between 0 and 1, got"):
        interpolate_weights(drawn(0), drawn(1), alpha)
