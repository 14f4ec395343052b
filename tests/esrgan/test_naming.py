from __future__ import annotations

from typing import Any

import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.naming import (
    Naming,
    rrdbnet_from_state_dict,
    to_basicsr_names,
    to_naming,
    unwrap_params,
)
from esrgan.networks import RRDBNet

NAMINGS: tuple[Naming, ...] = ("basicsr", "trunk", "model")


def network(scale: int = 4, **sizes: int) -> RRDBNet:
    torch.manual_seed(1)
    return RRDBNet(scale=scale, **({"features": 8, "blocks": 2, "growth": 4} | sizes))


@pytest.mark.parametrize("naming", NAMINGS)
def test_every_naming_round_trips(naming: Naming) -> None:
    original = network()
    renamed = to_naming(original.state_dict(), naming)
    assert list(to_basicsr_names(renamed)) == list(original.state_dict())
    read = rrdbnet_from_state_dict(renamed)
    for name, tensor in original.state_dict().items():
        torch.testing.assert_close(read.state_dict()[name], tensor, rtol=0, atol=0)


def test_to_naming_gives_the_names_of_the_first_release() -> None:
    names = to_naming(network().state_dict(), "trunk").keys()
    assert {"RRDB_trunk.1.RDB3.conv5.weight", "trunk_conv.bias", "upconv1.weight"} <= names
    assert {"upconv2.weight", "HRconv.bias", "conv_first.weight", "conv_last.bias"} <= names


def test_to_naming_gives_the_names_of_the_research_code() -> None:
    names = to_naming(network().state_dict(), "model").keys()
    assert {"model.0.weight", "model.1.sub.1.RDB3.conv5.0.weight", "model.1.sub.2.bias"} <= names
    assert {"model.3.weight", "model.6.bias", "model.8.weight", "model.10.bias"} <= names


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("sizes", [(4, 1, 2), (12, 3, 6)])
def test_hyper_parameters_are_read_off_the_weights(scale: int, sizes: tuple[int, int, int]) -> None:
    features, blocks, growth = sizes
    original = network(scale, features=features, blocks=blocks, growth=growth)
    read = rrdbnet_from_state_dict(original.state_dict())
    assert (read.scale, len(read.body), read.in_channels) == (scale, blocks, 3)
    lr_BCHW = torch.rand(1, 3, 6, 6)
    torch.testing.assert_close(read(lr_BCHW), original(lr_BCHW))


def test_weights_that_are_read_do_not_share_memory_and_can_be_trained() -> None:
    state = network().state_dict()
    read = rrdbnet_from_state_dict(state)
    with torch.no_grad():
        read.conv_first.weight.zero_()
    assert state["conv_first.weight"].any()
    assert all(parameter.requires_grad for parameter in read.parameters())


def test_half_precision_weights_become_single() -> None:
    state = {name: tensor.half() for name, tensor in network().state_dict().items()}
    assert rrdbnet_from_state_dict(state).conv_last.weight.dtype == torch.float32


def _without(state: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != name}


def test_weights_of_something_else_are_refused() -> None:
    state = network().state_dict()
    with pytest.raises(InvalidValueError, match=r"rdb2\.conv3\.bias"):
        rrdbnet_from_state_dict(_without(state, "body.1.rdb2.conv3.bias"))
    with pytest.raises(InvalidValueError, match="extra"):
        rrdbnet_from_state_dict(state | {"extra.weight": torch.ones(1)})
    with pytest.raises(InvalidValueError, match="not the weights of an RRDBNet"):
        rrdbnet_from_state_dict({"layer1.weight": torch.ones(2, 2)})
    with pytest.raises(InvalidValueError, match="NaN"):
        rrdbnet_from_state_dict(state | {"conv_hr.bias": torch.full((8,), torch.nan)})


def test_older_networks_with_one_enlarging_convolution_are_refused_by_name() -> None:
    state = {n: t for n, t in network().state_dict().items() if not n.startswith("conv_up2")}
    for naming in ("trunk", "model"):
        with pytest.raises(InvalidValueError, match="single enlarging convolution"):
            rrdbnet_from_state_dict(to_naming(state, naming))


def test_unwrap_params_finds_weights_in_the_wrappers_of_the_field() -> None:
    weights, averaged = {"a": torch.zeros(1)}, {"a": torch.ones(1)}
    assert unwrap_params(weights).keys() == {"a"}
    assert unwrap_params({"params": weights})["a"] == 0
    assert unwrap_params({"params": weights, "params_ema": averaged})["a"] == 1
    assert unwrap_params({"module.a": torch.ones(1)}).keys() == {"a"}


@pytest.mark.parametrize("content", [None, [], {}, {"a": 3}, {"params": {1: torch.ones(1)}}])
def test_unwrap_params_refuses_what_holds_no_weights(content: Any) -> None:
    with pytest.raises(InvalidValueError, match="holds"):
        unwrap_params(content)
