"""The networks of a run, their optimizers, and how they are kept and taken up again."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from degrade.errors import CorruptDataError
from degrade.rng import seed_for
from esrgan.distributed import ALONE, World, synchronise_batch_norm
from esrgan.losses import FeatureNetwork, GeneratorLoss
from esrgan.networks import Discriminator, Generator
from esrgan.training.config import TrainingConfig
from esrgan.training.construction import (
    check_init,
    check_init_discriminator,
    make_discriminator,
    make_generator,
    make_loss,
    make_optimizer,
)
from esrgan.training.noise_input import take_noise
from esrgan.training.precision import computes_in_bf16

__all__ = ["TrainingState", "create_state"]

_COUNTERS = ("step", "skipped", "skipped_in_a_row", "restored")


@dataclass(slots=True, eq=False)
class TrainingState:
    """The networks, their losses and optimizers, and how far they are.

    Attributes
    ----------
    generator : Generator
    discriminator : Discriminator or None
        None when there is no adversarial loss.
    average : Generator or None
        The moving average of the generator's weights.
    loss, first_loss : GeneratorLoss
        The run's, and that of the first ``pixel_steps``.
    generator_optimizer, discriminator_optimizer : torch.optim.Optimizer
    bf16 : bool
        Convolutions are computed in bfloat16.
    generator_pass, discriminator_pass : nn.Module
        What a step calls: the networks themselves, or their compiled form.
    seed : int
        Of what steps draw.
    step : int
        Steps done, the skipped ones included.
    skipped, skipped_in_a_row : int
        Steps that were not applied because a loss or a gradient was not finite.
    restored : int
        How often an earlier state was taken up again because such steps did not end.
    watched : dict of str to float
        Of the last step, besides its losses: ``learning_rate``, the norms of the gradients before
        they are clipped (``generator_gradient``, ``discriminator_gradient``), and the
        discriminator's mean scores of HR and SR (``real_score``, ``fake_score``). Nothing is
        computed from it.
    """

    generator: Generator
    discriminator: Discriminator | None
    average: Generator | None
    loss: GeneratorLoss
    first_loss: GeneratorLoss
    generator_optimizer: torch.optim.Optimizer
    discriminator_optimizer: torch.optim.Optimizer | None
    bf16: bool
    generator_pass: nn.Module
    discriminator_pass: nn.Module | None
    seed: int = 0
    step: int = 0
    skipped: int = 0
    skipped_in_a_row: int = 0
    restored: int = 0
    watched: dict[str, float] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.generator.conv_first.weight.device

    @property
    def result(self) -> Generator:
        """What the run is for: the averaged generator, or the generator itself."""
        return self.average or self.generator

    @contextmanager
    def evaluating(self) -> Iterator[Generator]:
        """Give the result in evaluation mode, without gradients, for a while."""
        result = self.result
        try:
            with torch.inference_mode():
                yield result.eval()
        finally:
            result.train()

    def compile(self) -> None:
        """Let ``torch.compile`` make the networks' passes faster, the first steps much slower."""
        self.generator_pass = _compiled(self.generator)
        if self.discriminator is not None:
            self.discriminator_pass = _compiled(self.discriminator)
        if isinstance(self.loss.features, nn.Module):
            self.loss.features.compile()

    def to_plain(self) -> dict[str, Any]:
        """Return everything that :meth:`restore` needs, as tensors and plain values.

        The feature network does not change and is left out. There is no state of random generators:
        what is drawn in a step depends on the seed and the step alone.
        """
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return parts | {name: getattr(self, name) for name in _COUNTERS}

    def restore(self, plain: Mapping[str, Any], *, counters: bool = True) -> None:
        """Take over what :meth:`to_plain` returned.

        Parameters
        ----------
        plain : mapping
        counters : bool
            Also how far it was; False goes on from here with the earlier weights.

        Raises
        ------
        CorruptDataError
            It does not belong to networks of these sizes.
        """
        try:
            values = {name: int(plain[name]) for name in _COUNTERS}
            for name, part in self._parts().items():
                part.load_state_dict(plain[name])
        except (KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
            # The first line of torch's own says no more than that.
            reason = [*str(error).splitlines(), ""][1 if "Error(s) in" in str(error) else 0].strip()
            raise CorruptDataError(
                f"the checkpoint is not of this network ({reason}); choose another output folder"
            ) from error
        if counters:
            for name, value in values.items():
                setattr(self, name, value)

    def _parts(self) -> dict[str, Any]:
        parts = {
            "generator": self.generator,
            "generator_optimizer": self.generator_optimizer,
            "discriminator": self.discriminator,
            "discriminator_optimizer": self.discriminator_optimizer,
            "average": self.average,
        }
        return {name: part for name, part in parts.items() if part is not None}


def create_state(
    config: TrainingConfig,
    *,
    scale: int,
    seed: int,
    device: str = "cpu",
    init: Generator | None = None,
    init_discriminator: Discriminator | None = None,
    features: FeatureNetwork | None = None,
    world: World = ALONE,
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
    init : Generator or None
        The generator to go on from; its sizes replace those of ``config``. Trained in place.
    init_discriminator : Discriminator or None
        The discriminator to go on from, where the run has one; likewise.
    features : FeatureNetwork or None
        Needed when content or texture loss have a weight; moved to ``device``.
    world : World
        The processes that train together; all get the same networks.

    Raises
    ------
    InvalidValueError
        ``init`` is another network or of another scale, ``features`` is missing, the sizes make no
        network, or the HR patch is too small for the discriminator.
    """
    place = torch.device(device)
    bf16 = computes_in_bf16(config.precision, place)
    if init is not None:
        check_init(init, config, scale)
    if init_discriminator is not None:
        check_init_discriminator(init_discriminator, config)
    # Scoped, so that the caller's global generator is left as it was.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed_for(seed, "weights"))
        generator = init or make_generator(config, scale)
        if config.noise_channels:
            take_noise(generator, config.noise_channels)
        discriminator = None
        if config.needs_discriminator:
            discriminator = init_discriminator or make_discriminator(config)
    for network in (generator, discriminator):
        if network is not None:
            # Convolutions are a tenth faster so on CPUs, and more on GPUs.
            network.to(place, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
            if world.size > 1:
                synchronise_batch_norm(network)
    if isinstance(features, nn.Module):
        features.to(place, memory_format=torch.channels_last)
    return TrainingState(
        generator=generator,
        discriminator=discriminator,
        average=copy.deepcopy(generator).requires_grad_(False) if config.ema_decay else None,
        loss=make_loss(config, features),
        first_loss=GeneratorLoss(weights={"pixel": 1.0}, pixel=config.pixel_loss),
        generator_optimizer=make_optimizer(generator, config),
        discriminator_optimizer=(
            None if discriminator is None else make_optimizer(discriminator, config)
        ),
        bf16=bf16,
        generator_pass=generator,
        discriminator_pass=discriminator,
        seed=seed,
    )


def _compiled(network: nn.Module) -> nn.Module:
    compiled: nn.Module = torch.compile(network)  # type: ignore[assignment]
    return compiled
