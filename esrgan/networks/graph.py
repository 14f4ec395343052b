"""What a generator writes itself into for ONNX: a graph that grows node by node.

torch's own exporters are no help: one is deprecated, the other takes minutes for an RRDBNet, and
both write what they please from one version to the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from torch import Tensor, nn

__all__ = ["Graph"]


class Graph:
    """An ONNX graph that grows by one node a call; every call returns its result's name.

    Values are known by their names: a network begins with ``lr`` and gives its last node the
    output ``sr``.
    """

    def __init__(self) -> None:
        self._helper = import_module("onnx.helper")
        self._arrays = import_module("onnx.numpy_helper")
        self.nodes: list[Any] = []
        self.constants: dict[str, Any] = {}

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node of an ONNX operator."""
        result = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(
            self._helper.make_node(kind, list(inputs), [result], name=result, **attributes)
        )
        return result

    def constant(self, name: str, values: Tensor | Sequence[int] | Sequence[float]) -> str:
        """Add a constant, such as a weight; whole numbers become int64, others float32."""
        if isinstance(values, Tensor):
            array = values.detach().cpu().contiguous().numpy()
        else:
            kind = np.int64 if isinstance(values[0], int) else np.float32
            array = np.array(values, dtype=kind)
        self.constants[name] = self._arrays.from_array(array, name)
        return name

    def conv(self, x: str, name: str, layer: nn.Module, *, unshuffled: int = 1) -> str:
        """Add a convolution of stride 1 that keeps the size."""
        if not isinstance(layer, nn.Conv2d):
            raise TypeError(f"{name} is no convolution")
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
            *([] if layer.bias is None else [self.constant(f"{name}.bias", layer.bias)]),
            kernel_shape=list(layer.kernel_size),
            pads=[padding] * 4,
        )

    def prelu(self, x: str, name: str, layer: nn.Module | None) -> str:
        """Add a PReLU."""
        if not isinstance(layer, nn.PReLU):
            raise TypeError(f"{name} is no PReLU")
        return self.node("PRelu", x, self.constant(f"{name}.weight", layer.weight[:, None, None]))

    def leaky(self, x: str, slope: float) -> str:
        """Add a leaky ReLU."""
        return self.node("LeakyRelu", x, alpha=slope)

    def resize(self, x: str, factor: int, **attributes: str) -> str:
        """Enlarge by a factor; the attributes are those of ONNX's Resize."""
        scales = self.constant(f"times_{factor}", [1.0, 1.0, float(factor), float(factor)])
        return self.node("Resize", x, "", scales, **attributes)

    def nearest(self, x: str, factor: int) -> str:
        """Enlarge by nearest neighbour."""
        return self.resize(
            x,
            factor,
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def shuffle(self, x: str, factor: int) -> str:
        """Add torch's pixel shuffle."""
        return self.node("DepthToSpace", x, blocksize=factor, mode="CRD")
