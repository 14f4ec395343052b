"""Noise as a further input of a generator: one LR image has many plausible results."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from degrade.errors import InvalidValueError
from degrade.rng import rng_for
from esrgan.networks import Generator, RRDBNet
from esrgan.networks.layers import conv3

__all__ = ["COLOURS", "draw_noise", "take_noise"]

COLOURS = 3
_FIRST_DEVIATION = 0.05


def take_noise(generator: Generator, channels: int) -> None:
    """Let a generator of RGB images take so many channels of noise behind them.

    Its weights for colours stay; those for noise are drawn from torch's global generator, normal of
    deviation 0.05.

    Parameters
    ----------
    generator : Generator
        Changed in place; one that takes as many already is left as it is.
    channels : int

    Raises
    ------
    InvalidValueError
        It is no RRDBNet, or takes noise of another number of channels.
    """
    if generator.in_channels == COLOURS + channels:
        return
    if not isinstance(generator, RRDBNet) or generator.in_channels != COLOURS:
        raise InvalidValueError(
            f"noise_channels={channels} needs an RRDBNet for RGB images, got "
            f"{type(generator).__name__} of {generator.in_channels} channels"
        )
    old = generator.conv_first
    new = conv3(old.in_channels + channels * generator.lr_multiple**2, old.out_channels)
    if not new.weight.is_meta:
        nn.init.normal_(new.weight, std=_FIRST_DEVIATION)
        with torch.no_grad():
            new.weight[:, : old.in_channels] = old.weight
            new.bias.copy_(old.bias)  # type: ignore[union-attr, arg-type]
    generator.conv_first = new.to(old.weight.device)
    generator.in_channels = COLOURS + channels


def draw_noise(lr_BCHW: Tensor, channels: int, seed: int, *key: str | int) -> Tensor:
    """Return standard normal noise of an LR batch's size, on its device.

    Parameters
    ----------
    lr_BCHW : Tensor
    channels : int
    seed : int
    *key : str or int
        What the noise is for: equal ones give equal noise.
    """
    count, _, height, width = lr_BCHW.shape
    rng = rng_for(seed, "noise input", *key)
    noise = rng.standard_normal((count, channels, height, width), dtype="float32")
    return torch.from_numpy(noise).to(lr_BCHW)
