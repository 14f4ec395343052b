"""Networks with which every part of an image is heard: random, from a fixed seed, not trained."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn

from esrgan.networks import GENERATORS, Generator, RRDBNet
from esrgan.training.first_weights import start_as_interpolation
from esrgan.upscaling.tiling import window_pixels


def lively_network(kind: str = "rrdbnet", *, scale: int = 4, blocks: int = 8) -> Generator:
    """Return a network whose output depends visibly on everything around a pixel.

    RRDBNet begins as an interpolation, the others as they are drawn; of those, the result is
    scaled into [0, 1].
    """
    torch.manual_seed(0)
    if kind == "rrdbnet":
        network = RRDBNet(scale=scale, features=16, blocks=blocks, growth=8)
        start_as_interpolation(network)
        with torch.no_grad():
            for name, weight in network.named_parameters():
                if name.startswith("body"):
                    weight.mul_(5)
            network.conv_body.weight[12:].normal_(0, 0.05)
            network.conv_last.weight[:, 3:].normal_(0, 0.03)
        return network.eval()
    generator = GENERATORS[kind](scale=scale, features=16, blocks=2 * blocks)
    with torch.no_grad():
        for module in generator.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.5)
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
                module.running_var.uniform_(1, 2)  # type: ignore[union-attr]
        probe = generator.eval()(torch.rand(1, 3, 24, 24))
        *_, last = (m for m in generator.modules() if isinstance(m, nn.Conv2d))
        last.weight.mul_(0.2 / probe.std())
        last.bias.fill_(0.5)  # type: ignore[union-attr]
    return generator


Network = TypeVar("Network", bound=nn.Module)


def in_double(network: Network) -> Network:
    """Let a network compute in float64 whatever it is given; in place.

    What differs then by more than the rounding of the images differs for another reason.
    """
    network.double().register_forward_pre_hook(lambda _, inputs: (inputs[0].double(),))
    for name in ("trunk", "tail"):
        part = getattr(network, name, None)
        if part is not None:
            setattr(network, name, _of_doubles(part))
    return network


def _of_doubles(part: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda *tensors: part(*(tensor.double() for tensor in tensors))


def memory_for(network: Generator, pixels: int) -> int:
    """Return about the least memory that allows windows of so many LR pixels."""
    memory = pixels
    while window_pixels(network, memory) < pixels:
        memory += memory // 50 + 1
    return memory
