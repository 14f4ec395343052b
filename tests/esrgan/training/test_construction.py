"""Networks are made by the rows of the tables, whatever these hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from degrade.errors import InvalidValueError
from esrgan.networks import DISCRIMINATORS, GENERATORS, RRDBNet, SRResNet
from esrgan.training.config import TrainingConfig
from esrgan.training.construction import check_init, make_discriminator, make_generator

SMALL = TrainingConfig(features=6, blocks=2, growth=4, discriminator_features=5, hr_patch=96)


class ToyGenerator(nn.Module):
    """One convolution of as many channels as the settings say, and a sum over them."""

    def __init__(self, *, scale: int, features: int) -> None:
        super().__init__()
        self.scale = scale
        self.conv = nn.Conv2d(3, features, 1)

    def forward(self, lr_BCHW: Tensor) -> Tensor:
        sr: Tensor = self.conv(lr_BCHW)
        return sr


class ToyDiscriminator(nn.Module):
    smallest_side = 8

    def __init__(self, *, patch_size: int) -> None:
        super().__init__()
        self.judge = nn.Linear(patch_size, 1)


@pytest.mark.parametrize("name", GENERATORS)
def test_every_generator_has_the_sizes_of_the_settings(name: str) -> None:
    generator = make_generator(replace(SMALL, generator=name), 2)  # type: ignore[arg-type]
    assert type(generator) is GENERATORS[name] and generator.scale == 2
    assert generator.conv_first.out_channels == 6
    assert generator(torch.zeros(1, 3, 8, 8)).shape == (1, 3, 16, 16)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_every_discriminator_has_the_sizes_of_the_settings(name: str) -> None:
    config = replace(SMALL, discriminator=name, discriminator_layers=2)  # type: ignore[arg-type]
    discriminator = make_discriminator(config)
    assert type(discriminator) is DISCRIMINATORS[name]
    first = next(module for module in discriminator.modules() if isinstance(module, nn.Conv2d))
    assert first.out_channels == 5


def test_networks_with_rows_of_their_own_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(GENERATORS, "toy", ToyGenerator)
    monkeypatch.setitem(DISCRIMINATORS, "toy", ToyDiscriminator)
    config = replace(SMALL, generator="toy", discriminator="toy")  # type: ignore[arg-type]
    generator = make_generator(config, 3)
    assert isinstance(generator, ToyGenerator) and generator.conv.out_channels == 6
    discriminator = make_discriminator(config)
    assert isinstance(discriminator, ToyDiscriminator)
    assert discriminator.judge.in_features == 96
    check_init(generator, config, 3)
    with pytest.raises(InvalidValueError, match="'toy', the weights to start from are those of RR"):
        check_init(RRDBNet(features=4, blocks=1, growth=4), config, 4)


def test_check_init_wants_the_same_kind_and_scale() -> None:
    start = SRResNet(scale=2, features=4, blocks=1)
    check_init(start, replace(SMALL, generator="srresnet"), 2)
    with pytest.raises(InvalidValueError, match=r"'rrdbnet', .* those of SRResNet"):
        check_init(start, SMALL, 2)
    with pytest.raises(InvalidValueError, match="pairs are ×4, the weights to start from ×2"):
        check_init(start, replace(SMALL, generator="srresnet"), 4)
