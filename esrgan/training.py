"""One training step, and the loop around it.

The pairs of a step depend on seed and step only, and nothing else here is random after the
networks are made, so a run that is stopped and resumed goes on bit by bit as if it had not been.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from degrade.errors import DegradeError
from esrgan.data import PairDataset, SampleKey, StepSampler
from esrgan.losses import (
    perceptual_loss,
    pixel_loss,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)
from esrgan.presets import TrainingConfig
from esrgan.state import TrainingState, create_state

__all__ = ["TrainingState", "create_state", "train", "training_step"]

MAX_SKIPPED_IN_A_ROW = 10
"""Steps without a finite loss after which a run gives up."""

StepCallback: TypeAlias = Callable[[TrainingState, Mapping[str, float]], None]


def training_step(
    state: TrainingState, lr_BCHW: Tensor, hr_BCHW: Tensor, config: TrainingConfig
) -> dict[str, Tensor]:
    """Take one step with both networks.

    Parameters
    ----------
    state : TrainingState
        Changed in place. When a loss or a gradient is not finite, only its counters are.
    lr_BCHW, hr_BCHW : float32 tensors
        RGB on [0, 1], on the networks' device.
    config : TrainingConfig

    Returns
    -------
    dict of str to scalar Tensor
        ``generator`` (the weighted sum) and each loss that was computed, before the step.
    """
    warming_up = state.step < config.warm_up_steps
    _set_learning_rate(state, config.learning_rate_at(state.step))
    state.generator_optimizer.zero_grad(set_to_none=True)
    sr_BCHW = state.generator(lr_BCHW)
    if warming_up:
        losses = {"pixel": pixel_loss(sr_BCHW, hr_BCHW)}
        losses["generator"] = losses["pixel"]
    else:
        losses = _generator_losses(state, sr_BCHW, hr_BCHW, config)
    losses["generator"].backward()  # type: ignore[no-untyped-call]
    updates: list[tuple[nn.Module, torch.optim.Adam]] = [
        (state.generator, state.generator_optimizer)
    ]

    if not warming_up and state.discriminator and state.discriminator_optimizer:
        state.discriminator_optimizer.zero_grad(set_to_none=True)
        losses["discriminator"] = relativistic_discriminator_loss(
            state.discriminator(hr_BCHW), state.discriminator(sr_BCHW.detach())
        )
        losses["discriminator"].backward()  # type: ignore[no-untyped-call]
        updates.append((state.discriminator, state.discriminator_optimizer))

    state.step += 1
    if _all_finite(losses, [network for network, _ in updates]):
        state.skipped_in_a_row = 0
        for _, optimizer in updates:
            optimizer.step()
    else:
        state.skipped += 1
        state.skipped_in_a_row += 1
    return {name: loss.detach() for name, loss in losses.items()}


def _generator_losses(
    state: TrainingState, sr_BCHW: Tensor, hr_BCHW: Tensor, config: TrainingConfig
) -> dict[str, Tensor]:
    losses = {}
    total = sr_BCHW.new_zeros(())
    if config.pixel_weight:
        losses["pixel"] = pixel_loss(sr_BCHW, hr_BCHW)
        total = total + config.pixel_weight * losses["pixel"]
    if state.vgg is not None:
        losses["perceptual"] = perceptual_loss(state.vgg, sr_BCHW, hr_BCHW)
        total = total + config.perceptual_weight * losses["perceptual"]
    if state.discriminator is not None:
        with torch.no_grad():
            real_logits = state.discriminator(hr_BCHW)
        # Its own weights need no gradient here: saves a third of its backward pass.
        state.discriminator.requires_grad_(False)
        fake_logits = state.discriminator(sr_BCHW)
        state.discriminator.requires_grad_(True)
        losses["adversarial"] = relativistic_generator_loss(real_logits, fake_logits)
        total = total + config.adversarial_weight * losses["adversarial"]
    return losses | {"generator": total}


def _set_learning_rate(state: TrainingState, rate: float) -> None:
    for optimizer in (state.generator_optimizer, state.discriminator_optimizer):
        if optimizer is not None:
            optimizer.param_groups[0]["lr"] = rate


def _all_finite(losses: Mapping[str, Tensor], networks: list[nn.Module]) -> bool:
    gradients = [p.grad for n in networks for p in n.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    return bool(torch.stack([norm, *losses.values()]).isfinite().all())


def train(
    dataset: PairDataset,
    state: TrainingState,
    config: TrainingConfig,
    *,
    workers: int = 0,
    on_step: StepCallback | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> None:
    """Train from ``state.step`` to ``config.steps``.

    Parameters
    ----------
    dataset : PairDataset
        Its seed also decides the order of the pairs.
    state : TrainingState
        Changed in place.
    config : TrainingConfig
    workers : int
        Processes that read data; 0 reads in this one. Does not change what is computed.
    on_step : callable or None
        Called after each step with the state and the step's losses as floats.
    should_stop : callable or None
        Asked after each step; True ends the loop.

    Raises
    ------
    DegradeError
        A pair is damaged, or no loss was finite for :data:`MAX_SKIPPED_IN_A_ROW` steps.
    """
    sampler = StepSampler(
        len(dataset),
        batch_size=config.batch_size,
        seed=dataset.seed,
        steps=range(state.step, config.steps),
    )
    loader = DataLoader(
        _Batches(dataset),
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        pin_memory=state.device.type == "cuda",
        worker_init_fn=_ignore_signals,
    )
    for batch in loader:
        if isinstance(batch, DegradeError):
            raise batch
        lr_BCHW, hr_BCHW = (_to_float(images, state.device) for images in batch)
        losses = training_step(state, lr_BCHW, hr_BCHW, config)
        if on_step:
            on_step(state, {name: float(loss) for name, loss in losses.items()})
        if state.skipped_in_a_row >= MAX_SKIPPED_IN_A_ROW:
            raise DegradeError(
                f"no finite loss in the last {state.skipped_in_a_row} steps (step {state.step}); "
                "the last checkpoint is sound: lower the learning rate, or check the pairs with "
                "`degrade verify`"
            )
        if should_stop and should_stop():
            return


class _Batches(Dataset[tuple[Tensor, Tensor] | DegradeError]):
    """Whole batches of a dataset; an error on purpose comes back as a value.

    Raised in a worker, it would arrive as a page of traceback instead of its one line.
    """

    def __init__(self, dataset: PairDataset) -> None:
        self._dataset = dataset

    def __getitem__(self, keys: list[SampleKey]) -> tuple[Tensor, Tensor] | DegradeError:
        try:
            samples = [self._dataset[key] for key in keys]
        except DegradeError as error:
            return error
        lr, hr = zip(*samples, strict=True)
        return torch.stack(lr), torch.stack(hr)


def _to_float(images_u8: Tensor, device: torch.device) -> Tensor:
    return images_u8.to(device, non_blocking=True).float().div_(255)


def _ignore_signals(worker: int) -> None:
    # Ctrl-C reaches every process of the terminal; the workers must last until the step is saved.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
