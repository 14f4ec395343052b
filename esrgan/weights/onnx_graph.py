"""Generators as ONNX files for any batch, height and width, and the check of such a file.

Each network adds its own nodes, see :mod:`esrgan.networks.graph`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module

import numpy as np
import torch

from degrade.errors import DegradeError, MissingDependencyError
from esrgan.networks import Generator
from esrgan.networks.graph import Graph

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
    graph = Graph()
    network.add_to(graph)
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
