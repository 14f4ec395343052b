"""The convolutions of AlexNet and VGG16 whose activations LPIPS and DISTS compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["ALEXNET", "HALO", "UNIT", "VGG16", "Backbone", "l2_pool", "max_pool"]

HALO = 128
"""Rows around a strip that its deepest activations see, and some more; a multiple of ``UNIT``."""

UNIT = 16
"""Rows that the deepest activation stands for: strips begin at multiples of it."""

Pool: TypeAlias = Callable[[Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network's convolutions in order, each followed by a ReLU.

    Attributes
    ----------
    name : str
    file : str
        What torchvision calls its weights.
    steps : tuple of (int or "pool" or "tap")
        The number of a convolution's layer (``features.N``), pooling, or an activation that is
        compared.
    widths : tuple of int
        Channels of the compared activations.
    strides : tuple of int
        Pixels that one of them stands for.
    shapes : mapping of int to (int, int, int, int)
        Shape of each convolution's weight, by its layer.
    first : (int, int)
        Stride and padding of the first convolution; others keep the size.
    """

    name: str
    file: str
    steps: tuple[int | Literal["pool", "tap"], ...]
    widths: tuple[int, ...]
    strides: tuple[int, ...]
    shapes: Mapping[int, tuple[int, int, int, int]]
    first: tuple[int, int]

    def activations(
        self, image_BCHW: Tensor, weights: Mapping[str, Tensor], pool: Pool
    ) -> Iterator[Tensor]:
        """Yield the compared activations, from the shallowest on."""
        x_BCHW = image_BCHW
        for step in self.steps:
            if step == "pool":
                x_BCHW = pool(x_BCHW)
            elif step == "tap":
                yield x_BCHW
            else:
                weight, bias = (weights[f"features.{step}.{part}"] for part in ("weight", "bias"))
                stride, padding = self.first if step == 0 else (1, weight.shape[-1] // 2)
                convolved = functional.conv2d(x_BCHW, weight, bias, stride, padding)
                x_BCHW = functional.relu_(convolved)


def max_pool(size: int) -> Pool:
    """Return the pooling of these networks: the largest of ``size`` squared, every second one."""
    return lambda x_BCHW: functional.max_pool2d(x_BCHW, size, 2)


def l2_pool(x_BCHW: Tensor) -> Tensor:
    """Return the root of the weighted mean of squares, as DISTS pools."""
    taps = np.hanning(5)[1:-1]
    window = torch.tensor(np.outer(taps, taps) / taps.sum() ** 2, dtype=x_BCHW.dtype)
    channels = x_BCHW.shape[1]
    weight = window.to(x_BCHW.device).expand(channels, 1, 3, 3)
    squares = functional.conv2d(x_BCHW**2, weight, stride=2, padding=1, groups=channels)
    return (squares + 1e-12).sqrt()


def _vgg16() -> Backbone:
    steps: list[int | Literal["pool", "tap"]] = []
    shapes: dict[int, tuple[int, int, int, int]] = {}
    layer, channels = 0, 3
    for width, count in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(count):
            shapes[layer] = (width, channels, 3, 3)
            steps.append(layer)
            layer, channels = layer + 2, width
        steps += ["tap", "pool"]
        layer += 1
    return Backbone(
        name="VGG16",
        file="vgg16-397923af.pth",
        steps=tuple(steps[:-1]),
        widths=(64, 128, 256, 512, 512),
        strides=(1, 2, 4, 8, 16),
        shapes=shapes,
        first=(1, 1),
    )


VGG16 = _vgg16()

ALEXNET = Backbone(
    name="AlexNet",
    file="alexnet-owt-7be5be79.pth",
    steps=(0, "tap", "pool", 3, "tap", "pool", 6, "tap", 8, "tap", 10, "tap"),
    widths=(64, 192, 384, 256, 256),
    strides=(4, 8, 16, 16, 16),
    shapes={
        0: (64, 3, 11, 11),
        3: (192, 64, 5, 5),
        6: (384, 192, 3, 3),
        8: (256, 384, 3, 3),
        10: (256, 256, 3, 3),
    },
    first=(4, 2),
)
