"""Light that adds up where levels do not, in a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from degrade.degradation.steps import LinearLight
from degrade.degradation.steps.linear_light import PARTS, WEIGHTS
from degrade.errors import InvalidValueError
from esrgan.degrading.inputs import BatchInputs
from esrgan.degrading.mirroring import mirrored

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
    # Two tensors: GPUs multiply by the reciprocal of a plain number, which rounds twice.
    count = torch.full_like(total, PARTS * variance[0, ..., 0].numel())
    variance -= (total / count).float()
    gains = torch.tensor([step.gain / 100 for step in steps], dtype=torch.float32)
    variance *= gains.to(levels_BHWC.device)[:, None, None, None]
    return variance + levels_BHWC


def _summed(values_BHWC: Tensor) -> Tensor:
    """Return weighted sums of whole numbers, exact in any order."""
    for axis in (1, 2):
        length = values_BHWC.shape[axis]
        wide = mirrored(values_BHWC, axis, len(WEIGHTS) // 2)
        total = torch.zeros_like(values_BHWC)
        for offset, weight in enumerate(WEIGHTS):
            total += weight * wide.narrow(axis, offset, length)
        values_BHWC = total
    return values_BHWC
