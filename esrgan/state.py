"""The networks of a run, their optimizers, and how they are kept and taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from degrade.errors import CorruptDataError, InvalidValueError
from degrade.rng import seed_for
from esrgan.losses import VGG19Features
from esrgan.networks import PatchDiscriminator, RRDBNet
from esrgan.presets import TrainingConfig
from esrgan.starting import start_as_interpolation

__all__ = ["TrainingState", "create_state"]

_COUNTERS = ("step", "skipped", "skipped_in_a_row")


@dataclass(slots=True, eq=False)
class TrainingState:
    """The networks, their optimizers, and how far they are.

    Attributes
    ----------
    generator : RRDBNet
    discriminator : PatchDiscriminator or None
        None when there is no adversarial loss.
    vgg : VGG19Features or None
        None when there is no perceptual loss.
    generator_optimizer, discriminator_optimizer : torch.optim.Adam
    step : int
        Steps done, the skipped ones included.
    skipped, skipped_in_a_row : int
        Steps that were not applied because a loss or a gradient was not finite.
    """

    generator: RRDBNet
    discriminator: PatchDiscriminator | None
    vgg: VGG19Features | None
    generator_optimizer: torch.optim.Adam
    discriminator_optimizer: torch.optim.Adam | None
    step: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.generator.conv_first.weight.device

    def to_plain(self) -> dict[str, Any]:
        """Return everything that :meth:`restore` needs, as tensors and plain values.

        The VGG weights do not change and are left out. There is no state of random generators:
        what is drawn in a step depends on the seed and the step alone.
        """
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return parts | {name: getattr(self, name) for name in _COUNTERS}

    def restore(self, plain: Mapping[str, Any]) -> None:
        """Take over what :meth:`to_plain` returned.

        Raises
        ------
        CorruptDataError
            It does not belong to networks of these sizes.
        """
        try:
            counters = {name: int(plain[name]) for name in _COUNTERS}
            for name, part in self._parts().items():
                part.load_state_dict(plain[name])
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            reason = str(error).splitlines()[0]
            raise CorruptDataError(f"the checkpoint is not of this network: {reason}") from error
        for name, value in counters.items():
            setattr(self, name, value)

    def _parts(self) -> dict[str, Any]:
        parts = {
            "generator": self.generator,
            "generator_optimizer": self.generator_optimizer,
            "discriminator": self.discriminator,
            "discriminator_optimizer": self.discriminator_optimizer,
        }
        return {name: part for name, part in parts.items() if part is not None}


def create_state(
    config: TrainingConfig,
    *,
    scale: int,
    seed: int,
    device: str = "cpu",
    init: RRDBNet | None = None,
    vgg: VGG19Features | None = None,
) -> TrainingState:
    """Make the networks and optimizers of a run.

    Parameters
    ----------
    config : TrainingConfig
    scale : int
        Of the pairs.
    seed : int
        Of the first weights.
    device : str
    init : RRDBNet or None
        The generator to go on from; its sizes replace those of ``config``. Trained in place.
    vgg : VGG19Features or None
        Needed when ``config.perceptual_weight`` is above 0.

    Raises
    ------
    InvalidValueError
        ``init`` is of another scale, VGG is missing, or the HR patch is too small for the
        discriminator.
    """
    if config.perceptual_weight > 0 and vgg is None:
        raise InvalidValueError("the perceptual loss needs VGG19 weights; set its weight to 0")
    if init is not None and init.scale != scale:
        raise InvalidValueError(f"the pairs are ×{scale}, the weights to start from ×{init.scale}")
    # Scoped, so that the caller's global generator is left as it was.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed_for(seed, "weights"))
        generator = init or RRDBNet(
            scale=scale, features=config.features, blocks=config.blocks, growth=config.growth
        )
        discriminator = None if config.adversarial_weight == 0 else _make_discriminator(config)
    if init is None and config.start_as_interpolation:
        start_as_interpolation(generator)
    for network in (generator, discriminator):
        if network is not None:
            # Convolutions are a tenth faster so on CPUs, and more on GPUs.
            network.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    return TrainingState(
        generator=generator,
        discriminator=discriminator,
        vgg=vgg.to(device) if vgg is not None and config.perceptual_weight > 0 else None,
        generator_optimizer=_adam(generator, config),
        discriminator_optimizer=None if discriminator is None else _adam(discriminator, config),
    )


def _make_discriminator(config: TrainingConfig) -> PatchDiscriminator:
    discriminator = PatchDiscriminator(
        features=config.discriminator_features,
        layers=config.discriminator_layers,
        norm=config.discriminator_norm,
    )
    if config.hr_patch < discriminator.smallest_side:
        raise InvalidValueError(
            f"hr_patch must be at least {discriminator.smallest_side} for a discriminator with "
            f"{config.discriminator_layers} strided layers, got {config.hr_patch}"
        )
    return discriminator


def _adam(network: nn.Module, config: TrainingConfig) -> torch.optim.Adam:
    return torch.optim.Adam(network.parameters(), lr=config.learning_rate, betas=config.betas)
