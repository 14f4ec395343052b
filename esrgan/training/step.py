"""One training step of both networks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from esrgan.distributed import ALONE, World
from esrgan.losses import ADVERSARIAL_LOSSES, AugmentedDiscriminator, ImageKind, Judge
from esrgan.training.batches import Batch
from esrgan.training.config import TrainingConfig
from esrgan.training.joined_scores import JoinedScores, read_scores
from esrgan.training.noise_input import draw_noise
from esrgan.training.precision import mixed_precision
from esrgan.training.state import TrainingState

__all__ = ["training_step"]

_Losses = dict[str, Tensor]
_Update = tuple[nn.Module, torch.optim.Optimizer]


def training_step(
    state: TrainingState, batch: Batch, config: TrainingConfig, *, world: World = ALONE
) -> dict[str, float]:
    """Take one step with both networks.

    Parameters
    ----------
    state : TrainingState
        Changed in place. When a loss or a gradient is not finite, only its counters are.
    batch : Batch
        This process's share, a multiple of ``config.accumulation`` samples.
    config : TrainingConfig
    world : World
        The processes that take the step together.

    Returns
    -------
    dict of str to float
        ``generator`` (the weighted sum) and each loss that was computed, before the step; means
        over the parts and the processes.
    """
    updates: list[_Update] = [(state.generator, state.generator_optimizer)]
    if state.step >= config.pixel_steps and state.discriminator and state.discriminator_optimizer:
        updates.append((state.discriminator, state.discriminator_optimizer))
    for _, optimizer in updates:
        optimizer.zero_grad(set_to_none=True)
        optimizer.param_groups[0]["lr"] = config.learning_rate_at(state.step)

    buffers = _copies_of_buffers(updates)
    parts = [
        _prepared(state, part, config, (number, world.rank))
        for number, part in enumerate(batch.split(config.accumulation))
    ]
    losses, watched = _backward(state, parts, config, world)
    gradients = [
        [p.grad for p in network.parameters() if p.grad is not None] for network, _ in updates
    ]
    world.average_([gradient for each in gradients for gradient in each])
    norms = [nn.utils.get_total_norm(each) for each in gradients]
    means = torch.stack([*losses.values(), *watched.values()]).float()
    world.average_([means])
    # One wait for the device a step.
    numbers = torch.cat([means, torch.stack(norms)]).tolist()
    names = [*losses, *watched, "generator_gradient", "discriminator_gradient"]
    values = dict(zip(names, numbers, strict=False))
    rate = state.generator_optimizer.param_groups[0]["lr"]
    state.watched = {"learning_rate": rate} | {n: v for n, v in values.items() if n not in losses}

    state.step += 1
    if all(map(math.isfinite, numbers)):
        state.skipped_in_a_row = 0
        for (network, optimizer), norm in zip(updates, norms, strict=True):
            if config.clip_norm:
                nn.utils.clip_grads_with_norm_(network.parameters(), config.clip_norm, norm)
            optimizer.step()
        _update_average(state, config.ema_decay)
    else:
        state.skipped += 1
        state.skipped_in_a_row += 1
        _put_back(buffers)
    return {name: values[name] for name in losses}


def _backward(
    state: TrainingState, parts: Sequence[Batch], config: TrainingConfig, world: World
) -> tuple[_Losses, _Losses]:
    """Add every part's share of the gradients; return the mean losses, and scores to watch."""
    warming_up = state.step < config.pixel_steps
    scores = _scores_of_all(state, parts, config, world) if not warming_up else None
    sums: _Losses = {}
    watched: _Losses = {}
    for number, part in enumerate(parts):
        judge = None if warming_up else _judge(state, scores, number, config, world)
        with mixed_precision(state.bf16, state.device):
            sr_BCHW = part.sr_of(state.generator_pass)
        if config.clipped_hr:  # for both networks: else the discriminator tells by it
            part = part.with_hr_beyond_range(sr_BCHW)
        losses = _generator_backward(state, sr_BCHW, part, judge, len(parts), warming_up)
        if judge is not None:
            loss, scores_of_part = _discriminator_backward(
                state, sr_BCHW.detach(), part, judge, config, len(parts)
            )
            losses["discriminator"] = loss
            _add(watched, scores_of_part, len(parts))
        _add(sums, losses, len(parts))
    return sums, watched


def _add(sums: _Losses, values: _Losses, parts: int) -> None:
    """Add one part's share of means to them."""
    for name, value in values.items():
        sums[name] = sums.get(name, 0) + value.detach() / parts


def _judge(
    state: TrainingState,
    scores: Mapping[ImageKind, list[Tensor]] | None,
    part: int,
    config: TrainingConfig,
    world: World,
) -> Judge | None:
    if state.discriminator_pass is None:
        return None
    discriminator = _seeing(state.discriminator_pass, state, config, (part, world.rank))
    if scores is None:
        return Judge(discriminator)
    return JoinedScores(discriminator, scores, part, world)


def _seeing(
    discriminator: nn.Module,
    state: TrainingState,
    config: TrainingConfig,
    key: tuple[str | int, int],
) -> nn.Module:
    """Return the discriminator as it sees images in this step."""
    if not config.discriminator_augment:
        return discriminator
    kinds = config.discriminator_augment
    return AugmentedDiscriminator(discriminator, kinds, state.seed, (state.step, *key))


def _generator_backward(
    state: TrainingState,
    sr_BCHW: Tensor,
    part: Batch,
    judge: Judge | None,
    parts: int,
    warming_up: bool,
) -> _Losses:
    loss = state.first_loss if warming_up else state.loss
    average_BCHW = _averaged_sr(state, part) if loss.uses_average else None
    other = _sr_with_other_noise(state, part) if loss.needs_other else None
    with mixed_precision(state.bf16, state.device):
        losses, total = loss(
            sr_BCHW,
            part.hr_BCHW,
            lr_BCHW=part.seen_lr_BCHW,
            kernels_BKK=part.kernels_BKK,
            judge=judge,
            average_BCHW=average_BCHW,
            other=other,
            near_flagged_B1HW=part.near_flagged_B1HW,
        )
    (total / parts).backward()  # type: ignore[no-untyped-call]
    return losses | {"generator": total}


def _prepared(
    state: TrainingState, part: Batch, config: TrainingConfig, key: tuple[int, int]
) -> Batch:
    """Return a part as losses see it, with what the generator takes besides LR in this step."""
    part = part.without_margin(config.loss_margin)
    if not config.noise_channels:
        return part
    noise = draw_noise(part.lr_BCHW, config.noise_channels, state.seed, state.step, *key)
    return replace(part, noise_BCHW=noise)


def _sr_with_other_noise(state: TrainingState, part: Batch) -> tuple[Tensor, float] | None:
    """Return SR with the noise of a sample's neighbour, moved, and how far the noises are apart."""
    if part.noise_BCHW is None:
        return None
    # Noise is as good moved by some pixels: nothing more need be drawn.
    noise_BCHW = part.noise_BCHW.roll((1, 3, 5), (0, 2, 3))
    with mixed_precision(state.bf16, state.device):
        other_BCHW = replace(part, noise_BCHW=noise_BCHW).sr_of(state.generator_pass)
    return other_BCHW, float((noise_BCHW - part.noise_BCHW).abs().mean())


def _averaged_sr(state: TrainingState, part: Batch) -> Tensor | None:
    """Return SR of the averaged generator; None where the run has none."""
    if state.average is None:
        return None
    with torch.no_grad(), mixed_precision(state.bf16, state.device):
        state.average.eval()
        sr_BCHW = part.sr_of(state.average)
        state.average.train()
        return sr_BCHW


def _discriminator_backward(
    state: TrainingState,
    sr_BCHW: Tensor,
    part: Batch,
    judge: Judge,
    config: TrainingConfig,
    parts: int,
) -> tuple[Tensor, _Losses]:
    """Return the loss, and the mean scores of HR and of SR."""
    with mixed_precision(state.bf16, state.device):
        real, fake = judge(part.hr_BCHW, "real"), judge(sr_BCHW, "fake")
    loss = ADVERSARIAL_LOSSES[config.adversarial_loss].discriminator(real, fake)
    (loss / parts).backward()  # type: ignore[no-untyped-call]
    return loss, {"real_score": real.mean(), "fake_score": fake.mean()}


def _scores_of_all(
    state: TrainingState, parts: Sequence[Batch], config: TrainingConfig, world: World
) -> Mapping[ImageKind, list[Tensor]] | None:
    """Return all parts' scores where a loss needs them together; None where it does not.

    Empty when there is one part: then the processes exchange scores as they come.
    """
    if state.discriminator_pass is None or len(parts) * world.size == 1:
        return None
    if ADVERSARIAL_LOSSES[config.adversarial_loss].generator_with_real is None:
        return None
    if len(parts) == 1:
        return {}
    networks = [network for network in (state.generator, state.discriminator) if network]
    with _unchanged_buffers(networks), torch.no_grad(), mixed_precision(state.bf16, state.device):
        discriminator = _seeing(state.discriminator_pass, state, config, ("others", world.rank))
        return read_scores(
            state.generator_pass, discriminator, parts, world, clipped_hr=config.clipped_hr
        )


@contextmanager
def _unchanged_buffers(networks: Sequence[nn.Module]) -> Iterator[None]:
    copies = [(buffer, buffer.clone()) for network in networks for buffer in network.buffers()]
    yield
    _put_back(copies)


def _copies_of_buffers(updates: Sequence[_Update]) -> list[tuple[Tensor, Tensor]]:
    """Remember running statistics, which a pass changes before anyone knows whether it counts."""
    return [(buffer, buffer.clone()) for network, _ in updates for buffer in network.buffers()]


def _put_back(copies: Sequence[tuple[Tensor, Tensor]]) -> None:
    for buffer, copy in copies:
        buffer.copy_(copy)


def _update_average(state: TrainingState, decay: float) -> None:
    if state.average is None:
        return
    ours, theirs = list(state.average.parameters()), list(state.generator.parameters())
    update = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    update(ours, [p.detach() for p in theirs], state.step)
    for mine, other in zip(state.average.buffers(), state.generator.buffers(), strict=True):
        mine.copy_(other)
