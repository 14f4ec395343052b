"""Plans, applied to a batch of crops step by step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from degrade.degradation.steps import NO_LEVELS, Step, StepInputs
from esrgan.degrading.inputs import BatchInputs
from esrgan.degrading.rounding import whole_levels
from esrgan.degrading.table import BATCHED

__all__ = ["apply_plans"]


def apply_plans(plans: Sequence[Sequence[Step]], given: BatchInputs) -> Tensor:
    """Make the LR of each plan, clipped and rounded.

    Parameters
    ----------
    plans : sequence of B sequences of Step
        They may be of different kinds and lengths; samples whose next step is of one kind are
        worked on together. All LR must come out of one size.
    given : BatchInputs

    Returns
    -------
    (B, h, w, 3) uint8 tensor
        On the device of ``given``; as :func:`degrade.degradation.make_pair` makes it.

    Raises
    ------
    InvalidValueError
        As :func:`degrade.degradation.apply_degradation`.
    """
    empty = torch.from_numpy(NO_LEVELS).to(given.device)
    levels = [empty] * len(plans)
    for place in range(max(map(len, plans))):
        alike: dict[tuple[type[Step], torch.Size], list[int]] = defaultdict(list)
        for row, plan in enumerate(plans):
            if place < len(plan):
                alike[type(plan[place]), levels[row].shape].append(row)
        for (kind, _), rows in alike.items():
            steps = [plans[row][place] for row in rows]
            some, reads = [levels[row] for row in rows], given.only(rows)
            batched = BATCHED.get(kind)
            if batched is None:
                applied = _one_by_one(some, steps, reads)
            else:
                applied = list(batched(torch.stack(some), steps, reads))
            for row, made in zip(rows, applied, strict=True):
                levels[row] = made
    return whole_levels(torch.stack(levels)).to(torch.uint8)


def _one_by_one(
    levels: Sequence[Tensor], steps: Sequence[Step], given: BatchInputs
) -> list[Tensor]:
    """Apply steps by their own ``apply``; they may make images of different sizes."""
    made = []
    for row, (levels_HWC, step) in enumerate(zip(levels, steps, strict=True)):
        reads = StepInputs(given.pool) if levels_HWC.numel() else given.alone(row)
        applied = step.apply(levels_HWC.cpu().numpy(), reads)
        made.append(torch.from_numpy(applied).to(given.device))
    return made
