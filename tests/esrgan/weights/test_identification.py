from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from degrade.errors import InvalidValueError
from esrgan.networks import GENERATORS, RRDBNet, fold_batch_norm
from esrgan.weights.identification import NetworkSpec, identify, network_from_state_dict
from esrgan.weights.naming import Naming, to_naming
from tests.esrgan.networks.making import (
    EVERY,
    SCALES,
    SMALL,
    same_state,
    small_msrresnet,
    small_rrdbnet,
    small_srresnet,
    small_srvggnet,
)

NAMINGS: tuple[Naming, ...] = ("basicsr", "trunk", "model")


@st.composite
def specs(draw: st.DrawFn) -> NetworkSpec:
    name = draw(st.sampled_from(list(GENERATORS)))
    small = st.integers(1, 6)
    arguments: dict[str, Any] = {
        "scale": draw(st.sampled_from(SCALES[name])),
        "in_channels": draw(st.integers(1, 4)),
        "features": draw(small),
        "blocks": draw(st.integers(1, 3)),
    }
    if name == "rrdbnet":
        arguments |= {"growth": draw(small), "out_channels": arguments["in_channels"]}
    if name == "srresnet":
        norm = draw(st.sampled_from(["batch", "none"]))
        arguments |= {"norm": norm, "out_channels": draw(st.integers(1, 4))}
    return NetworkSpec(architecture=name, arguments=arguments)


@settings(max_examples=40)
@given(spec=specs())
def test_hyper_parameters_are_read_off_the_weights(spec: NetworkSpec) -> None:
    state = spec.create().state_dict()
    # An RRDBNet of ×3 has the form of one of ×2.
    found, renamed = identify(state, scale=3 if spec.scale == 3 else None)
    assert found == spec
    assert same_state(renamed, state)


@settings(max_examples=25)
@given(
    scale=st.sampled_from([1, 2, 4]), in_channels=st.integers(1, 9), out_channels=st.integers(1, 9)
)
def test_a_stated_scale_decides_what_the_channels_leave_open(
    scale: int, in_channels: int, out_channels: int
) -> None:
    network = RRDBNet(
        scale=scale,
        in_channels=in_channels,
        out_channels=out_channels,
        features=2,
        blocks=1,
        growth=1,
    )
    spec, _ = identify(network.state_dict(), scale=scale)
    assert (spec.scale, spec.arguments["in_channels"]) == (scale, in_channels)


def test_channels_that_leave_the_scale_open_are_an_error_that_says_so() -> None:
    four_to_three = small_rrdbnet(in_channels=4, out_channels=3).state_dict()
    with pytest.raises(InvalidValueError, match=r"×4 for 4 .* or ×2 for 1 .*`scale`"):
        identify(four_to_three)
    three_to_one = small_rrdbnet(in_channels=3, out_channels=1).state_dict()
    assert identify(three_to_one)[0].scale == 4


@pytest.mark.parametrize(("name", "scale"), EVERY)
def test_a_stated_scale_that_cannot_be_is_an_error(name: str, scale: int) -> None:
    wrong = 3 if scale != 3 else 4
    with pytest.raises(InvalidValueError, match=f"not of ×{wrong}"):
        identify(SMALL[name](scale).state_dict(), scale=wrong)


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_network_from_state_dict_reads_every_naming(naming: Naming, scale: int) -> None:
    original = small_rrdbnet(scale)
    read = network_from_state_dict(to_naming(original.state_dict(), naming))
    assert isinstance(read, RRDBNet) and read.scale == scale
    assert same_state(dict(read.state_dict()), dict(original.state_dict()))


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_older_networks_enlarge_without_an_unshuffle(naming: Naming, scale: int) -> None:
    original = small_rrdbnet(scale, unshuffle=1).eval()
    read = network_from_state_dict(to_naming(original.state_dict(), naming)).eval()
    assert read.scale == scale and read.lr_multiple == 1
    lr_BCHW = torch.rand(1, 3, 5, 7)
    torch.testing.assert_close(read(lr_BCHW), original(lr_BCHW), rtol=0, atol=0)


@pytest.mark.parametrize("naming", NAMINGS)
def test_one_enlarging_convolution_is_x2_unless_x3_is_said(naming: Naming) -> None:
    state = to_naming(small_rrdbnet(3).state_dict(), naming)
    assert identify(state)[0].scale == 2
    assert identify(state, scale=3)[0].scale == 3


@pytest.mark.parametrize("naming", NAMINGS)
def test_esrgan_plus_is_told_by_its_small_convolutions(naming: Naming) -> None:
    original = RRDBNet(features=8, blocks=2, growth=4, style="esrgan+").eval()
    spec, renamed = identify(to_naming(original.state_dict(), naming))
    assert spec.arguments["style"] == "esrgan+"
    assert same_state(renamed, dict(original.state_dict()))


def test_srvggnet_without_prelu_is_refused() -> None:
    state = small_srvggnet(blocks=1).state_dict()
    plain = {name: tensor for name, tensor in state.items() if tensor.dim() != 1 or "bias" in name}
    renumbered = {name.replace("body.2", "body.1"): tensor for name, tensor in plain.items()}
    with pytest.raises(InvalidValueError, match="without PReLU"):
        identify(renumbered)


@pytest.mark.parametrize("name", GENERATORS)
def test_network_from_state_dict_gives_the_same_images(name: str) -> None:
    original = SMALL[name]().eval()
    read = network_from_state_dict(original.state_dict()).eval()
    lr_BCHW = torch.rand(1, 3, 6, 6)
    torch.testing.assert_close(read(lr_BCHW), original(lr_BCHW), rtol=0, atol=0)


def test_network_from_state_dict_shares_no_memory_draws_nothing_and_can_be_trained() -> None:
    state = small_srresnet().state_dict()
    before = torch.get_rng_state()
    read = network_from_state_dict(state)
    assert torch.equal(before, torch.get_rng_state())
    with torch.no_grad():
        read.conv_first.weight.zero_()
    assert state["conv_first.weight"].any()
    assert all(parameter.requires_grad for parameter in read.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_network_from_state_dict_makes_single_precision_of_any_other(dtype: torch.dtype) -> None:
    state = small_srresnet().to(dtype).state_dict()
    read = network_from_state_dict(state)
    assert {p.dtype for p in read.parameters()} == {torch.float32}
    assert identify(state)[1]["conv_last.weight"].dtype == dtype


def _without(state: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in state.items() if key != name}


def test_weights_of_something_else_are_refused() -> None:
    state = small_rrdbnet().state_dict()
    for wrong, match in (
        (_without(state, "body.1.rdb2.conv3.bias"), r"not the weights of an RRDBNet: 1 .*rdb2\.co"),
        (_without(state, "conv_first.weight"), "not the weights of an RRDBNet: layers are missing"),
        (state | {"extra.weight": torch.ones(1)}, "extra"),
        ({"layer1.weight": torch.ones(2, 2)}, "a generator that is known here .*'layer1.weight'"),
        ({"model.1.sub.0.res.0.weight": torch.ones(1)}, "another form than BasicSR's"),
        (state | {"conv_hr.bias": torch.full((8,), torch.nan)}, "NaN"),
        (state | {"conv_hr.bias": torch.full((8,), torch.inf)}, "infinity"),
        (state | {"conv_hr.bias": torch.ones(8, dtype=torch.int64)}, "type.*conv_hr.bias"),
        (state | {"conv_hr.bias": torch.ones(8, dtype=torch.complex64)}, "type.*conv_hr.bias"),
        (state | {"conv_first.weight": torch.ones(0, 3, 3, 3)}, "features must be at least 1"),
        (state | {"conv_first.weight": torch.ones(8)}, "layers are missing"),
    ):
        with pytest.raises(InvalidValueError, match=match):
            identify(wrong)


def test_resnets_of_something_else_are_refused() -> None:
    state = small_msrresnet().state_dict()
    for wrong, match in (
        (_without(state, "upconv1.weight"), "MSRResNet: layers are missing"),
        (_without(state, "conv_hr.bias"), "not the weights of an MSRResNet: 1 tensors"),
        (state | {"upconv1.weight": torch.ones(40, 8, 3, 3)}, "a scale other than"),
        (state | {"conv_first.weight": torch.ones(0, 3, 3, 3)}, "layers are missing"),
    ):
        with pytest.raises(InvalidValueError, match=match):
            identify(wrong)


def test_a_folded_srresnet_is_known_as_such() -> None:
    spec, _ = identify(fold_batch_norm(small_srresnet(2)).state_dict())
    assert (spec.architecture, spec.scale, spec.arguments["norm"]) == ("srresnet", 2, "none")


def test_network_spec_describes_itself() -> None:
    spec, _ = identify(small_rrdbnet(2).state_dict())
    assert spec.describe() == (
        "RRDBNet ×2: in_channels 3, out_channels 3, features 8, blocks 2, growth 4"
    )
    assert spec.to_metadata()["architecture"] == "rrdbnet"
    assert spec.to_metadata()["scale"] == "2"
