"""What a configuration asks for, made: networks, loss, optimizers; and whether it can be made."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from degrade.errors import InvalidValueError
from esrgan.losses import GABOR_LAYERS, FeatureNetwork, GeneratorLoss
from esrgan.networks import (
    DISCRIMINATORS,
    GENERATORS,
    Discriminator,
    Generator,
    RRDBNet,
)
from esrgan.training.config import TrainingConfig
from esrgan.training.first_weights import start_as_interpolation
from esrgan.training.noise_input import COLOURS, take_noise

__all__ = [
    "check_init",
    "check_init_discriminator",
    "check_networks",
    "make_discriminator",
    "make_generator",
    "make_loss",
    "make_optimizer",
]


def make_generator(config: TrainingConfig, scale: int) -> Generator:
    """Make the generator, its weights drawn from torch's global generator."""
    if config.loss_margin % scale:
        raise InvalidValueError(
            f"loss_margin must be a multiple of the scale {scale}, got {config.loss_margin}"
        )
    kind = GENERATORS[config.generator]
    sizes = {name: getattr(config, name) for name in ("features", "blocks", "growth")}
    generator = kind(scale=scale, **_taken_by(kind, sizes))
    if config.start_as_interpolation and isinstance(generator, RRDBNet):
        start_as_interpolation(generator)
    if config.noise_channels:
        take_noise(generator, config.noise_channels)
    return generator


def make_discriminator(config: TrainingConfig) -> Discriminator:
    """Make the discriminator, its weights drawn from torch's global generator.

    Raises
    ------
    InvalidValueError
        The HR patch is too small for it.
    """
    kind = DISCRIMINATORS[config.discriminator]
    sizes = {
        "features": config.discriminator_features,
        "layers": config.discriminator_layers,
        "norm": config.discriminator_norm,
        "patch_size": config.judged_patch,
    }
    discriminator = kind(**_taken_by(kind, sizes))
    _check_side(discriminator, config)
    return discriminator


def _check_side(discriminator: Discriminator, config: TrainingConfig) -> None:
    if config.judged_patch < discriminator.smallest_side:
        least = discriminator.smallest_side + 2 * config.loss_margin
        raise InvalidValueError(
            f"hr_patch must be at least {least} for this discriminator, got {config.hr_patch}"
        )


def _taken_by(kind: type[nn.Module], sizes: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the sizes that a network has."""
    parameters = inspect.signature(kind).parameters
    return {name: size for name, size in sizes.items() if name in parameters}


def make_loss(config: TrainingConfig, features: FeatureNetwork | None) -> GeneratorLoss:
    """Make the generator's loss.

    Raises
    ------
    InvalidValueError
        It needs ``features``, which is None or has other layers.
    """
    gabor = config.content_features == "gabor"
    return GeneratorLoss(
        weights=config.loss_weights,
        pixel=config.pixel_loss,
        content_layers=GABOR_LAYERS if gabor else config.content_layers,
        content_distance=config.content_distance,
        content_scale=config.content_scale,
        texture_layers=GABOR_LAYERS if gabor else config.texture_layers,
        features=features if config.needs_features else None,
        adversarial=config.adversarial_loss,
    )


def make_optimizer(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Make the optimizer of either network."""
    kind = torch.optim.AdamW if config.optimizer == "adamw" else torch.optim.Adam
    return kind(
        network.parameters(),
        lr=config.learning_rate,
        betas=config.betas,
        weight_decay=config.weight_decay,
        fused=True,
    )


def check_networks(config: TrainingConfig, scale: int) -> None:
    """Find out, without memory or time, whether the networks of a run can be made.

    Raises
    ------
    InvalidValueError
        As :func:`esrgan.training.state.create_state`, the feature network and ``init`` aside.
    """
    with torch.device("meta"):
        make_generator(config, scale)
        if config.needs_discriminator:
            make_discriminator(config)


def check_init(init: Generator, config: TrainingConfig, scale: int) -> None:
    """Raise InvalidValueError unless a run of this configuration can start from a generator."""
    name = type(init).__name__
    if type(init) is not GENERATORS[config.generator]:
        raise InvalidValueError(
            f"the run trains the generator {config.generator!r}, the weights to start from are "
            f"those of {name}"
        )
    taken = (COLOURS, COLOURS + config.noise_channels)
    if isinstance(init, RRDBNet) and init.in_channels not in taken:
        raise InvalidValueError(
            f"the weights to start from take {init.in_channels - COLOURS} channels of noise, the "
            f"run has {config.noise_channels}: use `noise_channels={init.in_channels - COLOURS}`"
        )
    if init.scale != scale:
        raise InvalidValueError(f"the pairs are ×{scale}, the weights to start from ×{init.scale}")


def check_init_discriminator(init: Discriminator, config: TrainingConfig) -> None:
    """Raise InvalidValueError unless a run of this configuration can start from a discriminator."""
    if type(init) is not DISCRIMINATORS[config.discriminator]:
        kinds = {kind: name for name, kind in DISCRIMINATORS.items()}
        raise InvalidValueError(
            f"the run trains the discriminator {config.discriminator!r}, the weights to start from "
            f"are those of {kinds[type(init)]!r}: use `discriminator={kinds[type(init)]}`"
        )
    _check_side(init, config)
