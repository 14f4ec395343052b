from __future__ import annotations

from typing import Any

import pytest
import torch

from degrade.errors import InvalidValueError
from esrgan.weights.naming import (
    NAMINGS,
    Naming,
    architecture_of,
    to_basicsr_names,
    to_naming,
    unwrap_params,
)
from tests.esrgan.networks.making import SMALL, same_state, small_rrdbnet, small_srresnet
from tests.esrgan.plain_model import PlainSRResNet

KNOWN: dict[str, tuple[Naming, ...]] = {
    "rrdbnet": ("basicsr", "trunk", "model"),
    "srresnet": ("basicsr", "srgan"),
    "msrresnet": ("basicsr", "trunk"),
}


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize(
    ("name", "naming"), [(name, naming) for name, known in KNOWN.items() for naming in known]
)
def test_every_naming_round_trips(name: str, naming: Naming, scale: int) -> None:
    state = SMALL[name](scale).state_dict()
    renamed = to_naming(state, naming)
    assert architecture_of(renamed) == (name, naming)
    assert len(renamed.keys() & state.keys()) < len(state) or naming == "basicsr"
    assert same_state(to_basicsr_names(renamed), state)


@pytest.mark.parametrize("name", KNOWN)
def test_to_naming_says_which_namings_a_network_has(name: str) -> None:
    for naming in set(NAMINGS) - set(KNOWN[name]):
        with pytest.raises(InvalidValueError, match=f"{name} weights have no naming '{naming}'"):
            to_naming(SMALL[name]().state_dict(), naming)
    with pytest.raises(InvalidValueError, match="not the weights"):
        to_naming({"layer.weight": torch.ones(1)}, "trunk")


def test_to_naming_gives_the_names_of_the_first_release() -> None:
    names = to_naming(small_rrdbnet().state_dict(), "trunk").keys()
    assert {"RRDB_trunk.1.RDB3.conv5.weight", "trunk_conv.bias", "upconv1.weight"} <= names
    assert {"upconv2.weight", "HRconv.bias", "conv_first.weight", "conv_last.bias"} <= names


def test_to_naming_gives_the_names_of_the_research_code() -> None:
    names = to_naming(small_rrdbnet().state_dict(), "model").keys()
    assert {"model.0.weight", "model.1.sub.1.RDB3.conv5.0.weight", "model.1.sub.2.bias"} <= names
    assert {"model.3.weight", "model.6.bias", "model.8.weight", "model.10.bias"} <= names


def test_to_naming_numbers_the_layers_of_x3_as_the_research_code_does() -> None:
    # Of a sequence: first, trunk, [enlarge, convolve, activate], convolve, activate, convolve.
    names = to_naming(small_rrdbnet(3).state_dict(), "model").keys()
    tail = {name.split(".")[1] for name in names if ".sub." not in name}
    assert tail == {"0", "3", "5", "7"}


def test_to_naming_gives_the_names_of_srgan_pytorch() -> None:
    names = to_naming(small_srresnet().state_dict(), "srgan").keys()
    assert names == PlainSRResNet(features=8, blocks=2).state_dict().keys()


def test_unknown_names_are_kept() -> None:
    state = to_naming(small_rrdbnet().state_dict(), "trunk") | {"extra.weight": torch.ones(1)}
    assert "extra.weight" in to_basicsr_names(state)
    assert to_basicsr_names({"layer.weight": torch.ones(1)}).keys() == {"layer.weight"}


def test_a_layer_under_two_names_is_refused() -> None:
    state = to_naming(small_rrdbnet().state_dict(), "trunk")
    with pytest.raises(InvalidValueError, match="same layer twice"):
        to_basicsr_names(state | {"conv_hr.weight": state["HRconv.weight"]})


def test_unwrap_params_finds_weights_in_the_wrappers_of_the_field() -> None:
    weights, averaged = {"a": torch.zeros(1)}, {"a": torch.ones(1)}
    assert unwrap_params(weights).keys() == {"a"}
    assert unwrap_params({"params": weights})["a"] == 0
    assert unwrap_params({"params": weights, "params_ema": averaged})["a"] == 1
    assert unwrap_params({"epoch": 3, "state_dict": averaged})["a"] == 1
    assert unwrap_params({"module.a": torch.ones(1)}).keys() == {"a"}


@pytest.mark.parametrize(
    "wrapper", ["model", "model_state_dict", "net_g", "g_ema", "generator", "state_dict"]
)
@pytest.mark.parametrize("prefix", ["", "module.", "_orig_mod.", "netG.", "generator.", "net_g."])
def test_unwrap_params_finds_weights_behind_wrappers_and_prefixes(
    wrapper: str, prefix: str
) -> None:
    state = small_rrdbnet().state_dict()
    named = {prefix + name: tensor for name, tensor in state.items()}
    for content in (named, {wrapper: named, "step": 3}, {wrapper: {"params_ema": named}}):
        assert unwrap_params(content).keys() == state.keys()


def test_unwrap_params_leaves_other_networks_out_and_prefers_the_average() -> None:
    plain, averaged, other = torch.zeros(1), torch.ones(1), torch.full((1,), 2.0)
    state = {"generator.a": plain, "generator_ema.a": averaged, "discriminator.a": other}
    assert unwrap_params({"state_dict": state | {"step": torch.ones(())}}) == {"a": averaged}
    assert unwrap_params({"module.generator.a": averaged}) == {"a": averaged}


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        {},
        {"a": 3},
        {"params": {1: torch.ones(1)}},
        {"a": torch.eye(3).to_sparse()},
        {"a": torch.ones(2, device="meta")},
    ],
)
def test_unwrap_params_refuses_what_holds_no_weights(content: Any) -> None:
    with pytest.raises(InvalidValueError, match="holds"):
        unwrap_params(content)
