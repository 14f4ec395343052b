"""What no kernel makes, in a batch: the same numbers, from the same generator."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from degrade.degradation.steps import ModelError
from degrade.degradation.steps.model_error import OWN, SHARED, STEEPEST, draw_error
from degrade.errors import InvalidValueError
from esrgan.degrading.inputs import BatchInputs

__all__ = ["local_gradient", "model_error"]


def model_error(levels_BHWC: Tensor, steps: Sequence[ModelError], given: BatchInputs) -> Tensor:
    """Add to each sample the noise of its :class:`~degrade.degradation.steps.ModelError`."""
    height, width, channels = levels_BHWC.shape[1:]
    if channels != 3:
        raise InvalidValueError(f"a model error is for three channels, got {channels}")
    device = levels_BHWC.device
    drawn = torch.from_numpy(np.stack([draw_error(step, height, width) for step in steps]))
    drawn = drawn.to(device)
    base, slope = (
        _of_each(list(sizes), device)
        for sizes in zip(
            *((step.base / step.unit, step.slope / step.unit) for step in steps), strict=True
        )
    )
    sigma = local_gradient(levels_BHWC).clamp_(max=STEEPEST).mul_(slope).add_(base)
    # Whole numbers below 2¹⁵, or 2²⁴ where they were filtered: then one product and one sum, each
    # rounded once, as in NumPy.
    own = drawn[..., 1:] * OWN + drawn[..., :1] * SHARED
    return own.float().mul_(sigma[..., None]).add_(levels_BHWC)


def _of_each(numbers: Sequence[float], device: torch.device) -> Tensor:
    """Return a number for each sample, to be multiplied with planes."""
    return torch.tensor(numbers, dtype=torch.float32).to(device)[:, None, None]


def local_gradient(levels_BHWC: Tensor) -> Tensor:
    """Return how steep images are: :func:`degrade.degradation.steps.model_error.local_gradient`.

    Parameters
    ----------
    levels_BHWC : (B, h, w, 3) float32 tensor

    Returns
    -------
    (B, h, w) float32 tensor
        The same bits.
    """
    red, green, blue = levels_BHWC.unbind(-1)
    grey = (green * 2).add_(red).add_(blue)
    down, right = _doubled_slope(grey, 1), _doubled_slope(grey, 2)
    steep = down.square_().add_(right.square_())
    # By way of float64: roots of float32 are not rounded correctly everywhere.
    return steep.double().sqrt_().float().mul_(1 / 8)


def _doubled_slope(planes_BHW: Tensor, axis: int) -> Tensor:
    """Return twice the slope along an axis; at the ends that to the only neighbour."""
    length = planes_BHW.shape[axis]
    slope = torch.zeros_like(planes_BHW)
    if length > 1:
        ahead = planes_BHW.narrow(axis, 1, length - 1) - planes_BHW.narrow(axis, 0, length - 1)
        both = planes_BHW.narrow(axis, 2, length - 2) - planes_BHW.narrow(axis, 0, length - 2)
        slope.narrow(axis, 1, length - 2).copy_(both)
        slope.select(axis, 0).copy_(ahead.select(axis, 0).mul(2))
        slope.select(axis, length - 1).copy_(ahead.select(axis, length - 2).mul(2))
    return slope
