"""Light that adds up where levels do not, in a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from degrade.degradation.steps import LinearLight
from degrade.degradation.steps.linear_light import PARTS, WEIGHTS
from degrade.errors import InvalidValueError
from esrgan.degrading.inputs import BatchInputs

__all__ = ["linear_light"]

_ALL = sum(WEIGHTS)


def linear_light(levels_BHWC: Tensor, steps: Sequence[LinearLight], given: BatchInputs) -> Tensor:
    """Apply :class:`~degrade.degradation.steps.LinearLight` to each sample."""
    if levels_BHWC.shape[3:] != (3,):
        raise InvalidValueError(f"linear light is for three channels, got {levels_BHWC.shape[3:]}")
    if not levels_BHWC.numel():
        raise InvalidValueError("linear light needs LR: a step before it makes that of HR")
    whole = levels_BHWC.clamp(0, 255).round_().double()
    mean, square = _summed(whole), _summed(whole.square())
    variance = ((square * _ALL**2 - mean * mean) * (1 / _ALL**4)).float()
    # Whole numbers below 2⁵³, whose sum is exact in any order.
    total = (variance * PARTS).round_().double().sum(dim=(1, 2), keepdim=True)
    variance -= (total / (PARTS * variance[0, ..., 0].numel())).float()
    gains = torch.tensor([step.gain / 100 for step in steps], dtype=torch.float32)
    variance *= gains.to(levels_BHWC.device)[:, None, None, None]
    return variance + levels_BHWC


def _summed(values_BHWC: Tensor) -> Tensor:
    """Return weighted sums of whole numbers, exact in any order; mirrored, ends doubled."""
    for axis in (1, 2):
        reach, length = len(WEIGHTS) // 2, values_BHWC.shape[axis]
        places = torch.arange(-reach, length + reach, device=values_BHWC.device)
        places = places.remainder(2 * length)
        places = torch.minimum(places, 2 * length - 1 - places)
        wide, total = values_BHWC.index_select(axis, places), torch.zeros_like(values_BHWC)
        for offset, weight in enumerate(WEIGHTS):
            total += weight * wide.narrow(axis, offset, length)
        values_BHWC = total
    return values_BHWC
