"""What each of two processes does for ``test_distributed.py``; they are joined over gloo."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from esrgan.distributed import World, join_world, synchronise_batch_norm
from esrgan.training.batches import Batch
from esrgan.training.state import create_state
from esrgan.training.step import training_step
from tests.esrgan.training_runs import SMALL, double_networks, in_double, random_batch

CASES = {
    "relativistic, batch norm": replace(SMALL, batch_size=4),
    "accumulated": replace(SMALL, batch_size=4, discriminator_norm="none", accumulation=2),
    "srgan": replace(
        SMALL,
        batch_size=4,
        generator="srresnet",
        discriminator="vgg",
        adversarial_loss="vanilla",
        ema_decay=0.5,
    ),
}


def first_steps(name: str, world: World) -> dict[str, object]:
    """Return losses, gradients and running statistics of a step, and the losses of the next."""
    config = CASES[name]
    state = double_networks(create_state(config, scale=4, seed=0, world=world))
    whole = in_double(random_batch(config))
    share = config.batch_size // config.accumulation // world.size
    own = [
        number
        for start in range(0, config.batch_size, share * world.size)
        for number in range(start + world.rank * share, start + (world.rank + 1) * share)
    ]
    batch = Batch(lr_BCHW=whole.lr_BCHW[own], hr_BCHW=whole.hr_BCHW[own])
    losses = training_step(state, batch, config, world=world)
    assert state.discriminator is not None
    networks = (state.generator, state.discriminator)
    gradients = [p.grad for n in networks for p in n.parameters()]
    # A copy: the next step goes on.
    buffers = [b.double() for n in networks for b in n.buffers()]
    gradients = [None if g is None else g.clone() for g in gradients]
    return {
        "losses": [losses, training_step(state, batch, config, world=world)],
        "gradients": gradients,
        "buffers": buffers,
    }


def gradient_through_norm(world: World) -> torch.Tensor:
    """Return the input's gradient through a BatchNorm that the processes share."""
    torch.manual_seed(3)
    x_BCHW = torch.randn(4, 2, 3, 3).double()[world.rank :: world.size].requires_grad_()
    weights_BCHW = torch.randn(4, 2, 3, 3).double()[world.rank :: world.size]
    network = nn.Sequential(nn.BatchNorm2d(2).double())
    if world.size > 1:
        synchronise_batch_norm(network)
    (network(x_BCHW) * weights_BCHW).sum().backward()
    assert x_BCHW.grad is not None
    return x_BCHW.grad


def take_first_steps(folder: Path) -> None:
    """Write this process's results into the folder."""
    with join_world("cpu") as (joined, _):
        results: dict[str, object] = {name: first_steps(name, joined) for name in CASES}
        results["norm"] = gradient_through_norm(joined)
        results["any"] = [
            joined.any(joined.rank == 1, torch.device("cpu")),
            joined.any(False, torch.device("cpu")),
        ]
        torch.save(results, folder / f"{joined.rank}.pt")
