"""Small configurations, random batches, and the weights of a state, for the tests of training."""

from __future__ import annotations

import torch
from torch import Tensor

from esrgan.data import PairDataset
from esrgan.training.batches import Batch
from esrgan.training.config import TrainingConfig
from esrgan.training.loop import take_steps
from esrgan.training.state import TrainingState

SMALL = TrainingConfig(
    features=8,
    blocks=1,
    growth=4,
    discriminator_features=4,
    loss_weights={"pixel": 1.0, "adversarial": 0.01},
    learning_rate=1e-3,
    hr_patch=32,
    batch_size=2,
    steps=6,
)


def random_batch(config: TrainingConfig = SMALL, *, scale: int = 4, seed: int = 1) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    sides = (config.hr_patch // scale, config.hr_patch)
    lr_BCHW, hr_BCHW = (
        torch.rand(config.batch_size, 3, side, side, generator=generator) for side in sides
    )
    return Batch(lr_BCHW=lr_BCHW, hr_BCHW=hr_BCHW)


def in_double(batch: Batch) -> Batch:
    """Return the batch in float64, for networks that :func:`double_networks` has changed."""
    return Batch(lr_BCHW=batch.lr_BCHW.double(), hr_BCHW=batch.hr_BCHW.double())


def double_networks(state: TrainingState) -> TrainingState:
    """Let the networks, and so losses and gradients, be computed in float64; in place."""
    for network in (state.generator, state.discriminator, state.average):
        if network is not None:
            network.double()
    return state


def weights_of(state: TrainingState) -> list[Tensor]:
    """Return copies of every parameter and buffer of the networks."""
    networks = (state.generator, state.discriminator, state.average)
    return [t.detach().clone() for n in networks if n for t in n.state_dict().values()]


def all_equal(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def curve(
    dataset: PairDataset, state: TrainingState, config: TrainingConfig, *, workers: int = 0
) -> list[dict[str, float]]:
    """Train to the end and return every step's losses."""
    losses: list[dict[str, float]] = []
    take_steps(
        dataset, state, config, workers=workers, on_step=lambda _, step: losses.append(dict(step))
    )
    return losses
