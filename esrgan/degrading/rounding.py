"""Whole grey levels, in a batch."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from degrade.degradation.steps import Rounding
from esrgan.degrading.inputs import BatchInputs

__all__ = ["rounding", "whole_levels"]


def rounding(levels_BHWC: Tensor, steps: Sequence[Rounding], given: BatchInputs) -> Tensor:
    """Apply :class:`~degrade.degradation.steps.Rounding` to each sample."""
    return whole_levels(levels_BHWC)


def whole_levels(levels_BHWC: Tensor) -> Tensor:
    """Clip to 0…255 and round to whole levels, halves to even; float32 as before."""
    return levels_BHWC.clamp(0, 255).round_()
