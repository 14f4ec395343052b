from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from degrade.errors import DegradeError, MissingDependencyError
from esrgan.networks import Generator
from esrgan.weights.onnx_graph import OPSET, encode_onnx, onnx_difference, require_onnx
from tests.esrgan.networks.making import EVERY, SMALL, small_rrdbnet, small_srresnet

onnx = pytest.importorskip("onnx", reason="the extra degrade[onnx] is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="degrade[onnx] is not installed")

SIZES = [(1, 17, 23), (2, 32, 21), (1, 1, 1), (3, 2, 5)]


@pytest.mark.parametrize(("name", "scale"), EVERY)
def test_onnx_gives_what_torch_gives_for_any_batch_and_size(name: str, scale: int) -> None:
    network = SMALL[name](scale)
    data = encode_onnx(network, {})
    assert onnx_difference(data, network, SIZES) < 1e-5


@pytest.mark.parametrize("channels", [(1, 1), (4, 3), (2, 5)])
def test_onnx_orders_the_channels_of_an_unshuffled_image(channels: tuple[int, int]) -> None:
    network = small_rrdbnet(2, in_channels=channels[0], out_channels=channels[1])
    assert onnx_difference(encode_onnx(network, {}), network, SIZES) < 1e-5


def test_onnx_file_says_what_it_is() -> None:
    model = onnx.load_from_string(encode_onnx(small_rrdbnet(2), {"scale": "2", "b": "c"}))
    assert [opset.version for opset in model.opset_import] == [OPSET]
    assert {prop.key: prop.value for prop in model.metadata_props} == {"scale": "2", "b": "c"}
    assert [value.name for value in (*model.graph.input, *model.graph.output)] == ["lr", "sr"]
    sides = [dim.dim_param for dim in model.graph.input[0].type.tensor_type.shape.dim]
    assert sides == ["batch", "", "height", "width"]
    names = {constant.name for constant in model.graph.initializer}
    assert {"body.1.rdb3.conv5.weight", "conv_last.bias"} <= names


def test_onnx_file_holds_no_normalisation() -> None:
    data = encode_onnx(small_srresnet(), {})
    kinds = {node.op_type for node in onnx.load_from_string(data).graph.node}
    assert kinds == {"Conv", "PRelu", "Add", "DepthToSpace", "Identity"}


def test_onnx_file_is_the_same_each_time() -> None:
    network = small_rrdbnet(2)
    metadata = {str(n): str(n) for n in range(20)}
    assert encode_onnx(network, metadata) == encode_onnx(network, metadata)


def _changed(network: Generator) -> Generator:
    with torch.no_grad():
        network.conv_last.bias.add_(0.01)
    return network


def test_onnx_difference_notices_another_network() -> None:
    data = encode_onnx(small_rrdbnet(2), {})
    with pytest.raises(DegradeError, match=r"differs from the network by 0\.01 .* nothing was"):
        onnx_difference(data, _changed(small_rrdbnet(2)), SIZES)
    with pytest.raises(DegradeError, match="differs"):
        onnx_difference(data, small_rrdbnet(4), SIZES)


def test_onnx_runs_without_torch_on_the_names_that_it_states() -> None:
    session = onnxruntime.InferenceSession(encode_onnx(small_rrdbnet(3), {}))
    (sr_BCHW,) = session.run(None, {"lr": np.full((2, 3, 4, 6), 0.5, np.float32)})
    assert sr_BCHW.shape == (2, 3, 12, 18) and sr_BCHW.dtype == np.float32


@pytest.mark.parametrize("name", ["onnx", "onnxruntime"])
def test_require_onnx_says_how_to_install_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match=rf"{name}; .*pip install 'degrade\[onnx\]'"):
        require_onnx()
