"""Real noise, in a batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from degrade.degradation.steps import Residual
from degrade.errors import InvalidValueError
from esrgan.degrading.inputs import BatchInputs

__all__ = ["residual"]


def residual(levels_BHWC: Tensor, steps: Sequence[Residual], given: BatchInputs) -> Tensor:
    """Add to each sample the noise of its :class:`~degrade.degradation.steps.Residual`.

    The noise is read from the pool, and sewn where it must be, by the code that builds pairs.
    """
    height, width = levels_BHWC.shape[1:3]
    noise_BHWC = np.stack([step.read_noise(height, width, given.pool) for step in steps])
    if noise_BHWC.shape != levels_BHWC.shape:
        raise InvalidValueError(
            f"noise must be of shape {tuple(levels_BHWC.shape[1:])}, got {noise_BHWC.shape[1:]}"
        )
    return torch.from_numpy(noise_BHWC).to(levels_BHWC.device).mul_(255).add_(levels_BHWC)
