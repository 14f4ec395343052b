"""Filters of all channels, in a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from degrade.degradation.even_filters import square_of
from degrade.degradation.fixed_point import MOST_LEVEL, TAP_UNIT
from degrade.degradation.steps import Response
from degrade.degradation.steps.response import FINE
from degrade.errors import InvalidValueError
from esrgan.degrading.inputs import BatchInputs
from esrgan.degrading.mirroring import mirrored

__all__ = ["response"]


def response(levels_BHWC: Tensor, steps: Sequence[Response], given: BatchInputs) -> Tensor:
    """Apply :class:`~degrade.degradation.steps.Response` to each sample."""
    if not levels_BHWC.numel():
        raise InvalidValueError("a response needs LR: a step before it makes that of HR")
    filtered = torch.empty_like(levels_BHWC)
    for taps in {step.taps for step in steps}:
        chosen = torch.tensor([n for n, step in enumerate(steps) if step.taps == taps])
        chosen = chosen.to(levels_BHWC.device)
        filtered[chosen] = _filtered(levels_BHWC[chosen], taps)
    return filtered


def _filtered(levels_BHWC: Tensor, taps: Sequence[int]) -> Tensor:
    square = torch.from_numpy(square_of(taps)).to(levels_BHWC.device)
    reach = len(square) // 2
    whole = (levels_BHWC.clamp(-MOST_LEVEL, MOST_LEVEL).double() * FINE).round_()
    for axis in (1, 2):
        whole = mirrored(whole, axis, reach)
    batch, height, width, channels = whole.shape
    planes = whole.permute(0, 3, 1, 2).reshape(batch * channels, 1, height, width)
    # Whole numbers far below 2⁵³: rounded, they are the same whichever way they are summed.
    total = functional.conv2d(planes, square[None, None]).round_()
    total *= 1 / (FINE * TAP_UNIT)
    return total.reshape(batch, channels, *total.shape[2:]).permute(0, 2, 3, 1).float()
