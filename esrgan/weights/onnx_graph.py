"""Generators as ONNX graphs of any batch, height and width, and the check of such a graph.

The graph is written node by node. torch's own exporters are no help: one is deprecated, the other
takes minutes for an RRDBNet, and both write what they please from one version to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from degrade.errors import DegradeError, MissingDependencyError
from esrgan.networks import Generator, MSRResNet, RRDBNet, SRResNet, fold_batch_norm

__all__ = ["OPSET", "encode_onnx", "onnx_difference", "require_onnx"]

OPSET = 17
"""Of the default operators; read by ONNX Runtime 1.12 and later."""

_IR_VERSION = 8
_TOLERANCE = 1e-4


def require_onnx() -> None:
    """Raise MissingDependencyError unless ONNX files can be written and run here."""
    for name in ("onnx", "onnxruntime"):
        try:
            import_module(name)
        except ImportError:
            raise MissingDependencyError(
                f"ONNX files need the package {name}; install it with: pip install 'degrade[onnx]'"
            ) from None


class _Graph:
    """An ONNX graph that grows by one node a call; every call returns its result's name."""

    def __init__(self) -> None:
        self._helper = import_module("onnx.helper")
        self._arrays = import_module("onnx.numpy_helper")
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        result = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(
            self._helper.make_node(kind, list(inputs), [result], name=result, **attributes)
        )
        return result

    def constant(self, name: str, values: Tensor | Sequence[int] | Sequence[float]) -> str:
        if isinstance(values, Tensor):
            array = values.detach().cpu().contiguous().numpy()
        else:
            kind = np.int64 if isinstance(values[0], int) else np.float32
            array = np.array(values, dtype=kind)
        self.constants[name] = self._arrays.from_array(array, name)
        return name

    def conv(self, x: str, name: str, layer: nn.Module, *, unshuffled: int = 1) -> str:
        """Add a convolution of stride 1 that keeps the size."""
        if not isinstance(layer, nn.Conv2d) or layer.bias is None:
            raise TypeError(f"{name} is no convolution with a bias")
        padding = layer.kernel_size[0] // 2
        # ONNX orders the channels of SpaceToDepth by place first, torch by colour first.
        rows, columns = layer.weight.shape[:2]
        places = unshuffled**2
        weight = layer.weight.reshape(rows, columns // places, places, *layer.kernel_size)
        weight = weight.transpose(1, 2).flatten(1, 2)
        return self.node(
            "Conv",
            x,
            self.constant(f"{name}.weight", weight),
            self.constant(f"{name}.bias", layer.bias),
            kernel_shape=list(layer.kernel_size),
            pads=[padding] * 4,
        )

    def prelu(self, x: str, name: str, layer: nn.Module | None) -> str:
        if not isinstance(layer, nn.PReLU):
            raise TypeError(f"{name} is no PReLU")
        return self.node("PRelu", x, self.constant(f"{name}.weight", layer.weight[:, None, None]))

    def leaky(self, x: str, slope: float) -> str:
        return self.node("LeakyRelu", x, alpha=slope)

    def resize(self, x: str, factor: int, **attributes: str) -> str:
        scales = self.constant(f"times_{factor}", [1.0, 1.0, float(factor), float(factor)])
        return self.node("Resize", x, "", scales, **attributes)

    def nearest(self, x: str, factor: int) -> str:
        return self.resize(
            x,
            factor,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def shuffle(self, x: str, factor: int) -> str:
        return self.node("DepthToSpace", x, blocksize=factor, mode="CRD")


def encode_onnx(network: Generator, metadata: Mapping[str, str]) -> bytes:
    """Return a generator as an ONNX file: ``lr`` (B, C, H, W) in, ``sr`` out, float32 on [0, 1].

    Parameters
    ----------
    network : Generator
        BatchNorm is folded into the convolutions.
    metadata : mapping of str to str
        What the file says of itself.

    Raises
    ------
    MissingDependencyError
        ONNX is not installed.
    """
    require_onnx()
    graph = _Graph()
    if isinstance(network, RRDBNet):
        _add_rrdbnet(graph, network)
    elif isinstance(network, SRResNet):
        _add_srresnet(graph, fold_batch_norm(network))
    else:
        _add_msrresnet(graph, network)
    helper = import_module("onnx.helper")
    tensor = import_module("onnx").TensorProto.FLOAT
    ends = [
        helper.make_tensor_value_info(
            "lr", tensor, ["batch", network.in_channels, "height", "width"]
        ),
        helper.make_tensor_value_info(
            "sr", tensor, ["batch", network.out_channels, "sr_height", "sr_width"]
        ),
    ]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "generator", ends[:1], ends[1:], list(graph.constants.values())
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=_IR_VERSION,
        producer_name="degrade",
    )
    helper.set_model_props(model, dict(sorted(metadata.items())))
    import_module("onnx.checker").check_model(model, full_check=True)
    data: bytes = model.SerializeToString()
    return data


def _add_rrdbnet(graph: _Graph, network: RRDBNet) -> None:
    factor = network.lr_multiple
    x = graph.conv(
        _unshuffled(graph, "lr", factor), "conv_first", network.conv_first, unshuffled=factor
    )
    fifth = graph.constant("residual_scale", torch.tensor(0.2))
    first = x
    for n, block in enumerate(network.body):
        before = x
        for m in (1, 2, 3):
            seen = [x]
            for k in (1, 2, 3, 4, 5):
                name = f"rdb{m}.conv{k}"
                joined = seen[0] if k == 1 else graph.node("Concat", *seen, axis=1)
                new = graph.conv(joined, f"body.{n}.{name}", block.get_submodule(name))
                seen.append(new if k == 5 else graph.leaky(new, 0.2))
            x = graph.node("Add", x, graph.node("Mul", seen[-1], fifth))
        x = graph.node("Add", before, graph.node("Mul", x, fifth))
    x = graph.node("Add", first, graph.conv(x, "conv_body", network.conv_body))
    if network.conv_up2 is None:
        stages = [("conv_up1", network.conv_up1, 3)]
    else:
        stages = [("conv_up1", network.conv_up1, 2), ("conv_up2", network.conv_up2, 2)]
    for name, conv, times in stages:
        x = graph.leaky(graph.conv(graph.nearest(x, times), name, conv), 0.2)
    x = graph.leaky(graph.conv(x, "conv_hr", network.conv_hr), 0.2)
    x = graph.conv(x, "conv_last", network.conv_last)
    if factor > 1:
        zero, axes = graph.constant("origin", [0, 0]), graph.constant("axes", [2, 3])
        size = graph.node("Shape", "lr", start=2, end=4)
        end = graph.node("Mul", size, graph.constant("scale", [network.scale]))
        x = graph.node("Slice", x, zero, end, axes)
    graph.node("Identity", x, output="sr")


def _unshuffled(graph: _Graph, x: str, factor: int) -> str:
    if factor == 1:
        return x
    size = graph.node("Shape", x, start=2, end=4)
    multiple = graph.constant("lr_multiple", [factor])
    missing = graph.node("Mod", graph.node("Neg", size), multiple)
    before = graph.constant("before", [0] * 6)
    pads = graph.node("Concat", before, missing, axis=0)
    padded = graph.node("Pad", x, pads, mode="edge")
    return graph.node("SpaceToDepth", padded, blocksize=factor)


def _add_srresnet(graph: _Graph, network: SRResNet) -> None:
    x = first = graph.prelu(
        graph.conv("lr", "conv_first", network.conv_first), "act_first", network.act_first
    )
    for n, block in enumerate(network.body):
        before, name = x, f"body.{n}"
        x = graph.conv(x, f"{name}.conv1", block.get_submodule("conv1"))
        x = graph.prelu(x, f"{name}.act", block.get_submodule("act"))
        x = graph.conv(x, f"{name}.conv2", block.get_submodule("conv2"))
        x = graph.node("Add", before, x)
    x = graph.node("Add", first, graph.conv(x, "conv_body", network.conv_body))
    factor = 3 if network.scale == 3 else 2
    x = graph.shuffle(graph.conv(x, "upconv1", network.upconv1), factor)
    x = graph.prelu(x, "act_up1", network.act_up1)
    if network.upconv2 is not None:
        x = graph.shuffle(graph.conv(x, "upconv2", network.upconv2), factor)
        x = graph.prelu(x, "act_up2", network.act_up2)
    graph.node("Identity", graph.conv(x, "conv_last", network.conv_last), output="sr")


def _add_msrresnet(graph: _Graph, network: MSRResNet) -> None:
    x = graph.leaky(graph.conv("lr", "conv_first", network.conv_first), 0.1)
    for n, block in enumerate(network.body):
        inner = graph.conv(x, f"body.{n}.conv1", block.get_submodule("conv1"))
        inner = graph.node("Relu", inner)
        inner = graph.conv(inner, f"body.{n}.conv2", block.get_submodule("conv2"))
        x = graph.node("Add", x, inner)
    factor = 3 if network.scale == 3 else 2
    x = graph.leaky(graph.shuffle(graph.conv(x, "upconv1", network.upconv1), factor), 0.1)
    if network.upconv2 is not None:
        x = graph.leaky(graph.shuffle(graph.conv(x, "upconv2", network.upconv2), factor), 0.1)
    x = graph.leaky(graph.conv(x, "conv_hr", network.conv_hr), 0.1)
    base = graph.resize(
        "lr", network.scale, mode="linear", coordinate_transformation_mode="half_pixel"
    )
    x = graph.conv(x, "conv_last", network.conv_last)
    graph.node("Add", x, base, output="sr")


def onnx_difference(
    data: bytes, network: Generator, sizes: Sequence[tuple[int, int, int]]
) -> float:
    """Run an ONNX file beside its network on random images and return the largest difference.

    Parameters
    ----------
    data : bytes
    network : Generator
    sizes : sequence of (int, int, int)
        Batch, height and width of the images.

    Returns
    -------
    float
        On the images' [0, 1].

    Raises
    ------
    DegradeError
        The file does not run, or gives something else than the network.
    """
    runtime = import_module("onnxruntime")
    device = network.conv_first.weight.device
    random = torch.Generator().manual_seed(0)
    worst = 0.0
    network.eval()
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for batch, height, width in sizes:
        lr_BCHW = torch.rand(batch, network.in_channels, height, width, generator=random)
        with torch.inference_mode():
            expected_BCHW = network(lr_BCHW.to(device)).cpu().numpy()
        (sr_BCHW,) = session.run(["sr"], {"lr": lr_BCHW.numpy()})
        shapes = sr_BCHW.shape == expected_BCHW.shape
        difference = float(np.abs(sr_BCHW - expected_BCHW).max()) if shapes else np.inf
        if not difference <= _TOLERANCE * max(1.0, float(np.abs(expected_BCHW).max())):
            raise DegradeError(
                f"the ONNX file differs from the network by {difference:.3g} on an image of "
                f"{height}×{width} pixels; nothing was written"
            )
        worst = max(worst, difference)
    return worst
