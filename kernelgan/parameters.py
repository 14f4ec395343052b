"""The parameters of a network in one piece of memory, so that Adam is one call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam

__all__ = ["Adam", "Parameters"]

_BETAS = (0.5, 0.999)
_EPSILON = 1e-8


class Parameters:
    """The weights of one network each for b photos, and the derivatives by them.

    Parameters
    ----------
    photos : iterable of sequences of tensors
        Each photo's weights, of the same shapes for all.
    like : Tensor
        For dtype and device.

    Attributes
    ----------
    values, gradient : tensors with one axis
        Everything.
    parts, gradients : lists of (b, …) tensors
        The same memory, weight by weight.
    """

    def __init__(self, photos: Iterable[Sequence[Tensor]], like: Tensor) -> None:
        stacks = [torch.stack(weights) for weights in zip(*photos, strict=True)]
        sizes = [stack.numel() for stack in stacks]
        self.values = torch.cat([stack.flatten() for stack in stacks]).to(like)
        self.gradient = torch.zeros_like(self.values)
        self.parts, self.gradients = (
            [
                part.view(stack.shape)
                for part, stack in zip(torch.split(flat, sizes), stacks, strict=True)
            ]
            for flat in (self.values, self.gradient)
        )


class Adam:
    """The optimiser, with β = 0.5 and 0.999.

    Parameters
    ----------
    parameters : Parameters
    rate : float

    Attributes
    ----------
    rate : float
        The learning rate from now on.
    """

    def __init__(self, parameters: Parameters, rate: float) -> None:
        self.rate = rate
        self._values, self._gradient = [parameters.values], [parameters.gradient]
        self._mean, self._square = ([torch.zeros_like(parameters.values)] for _ in range(2))
        self._steps = [torch.zeros((), dtype=torch.float32, device=parameters.values.device)]

    def step(self) -> None:
        """Move the parameters against their gradient."""
        adam(
            self._values,
            self._gradient,
            self._mean,
            self._square,
            [],
            self._steps,
            fused=True,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=self.rate,
            weight_decay=0.0,
            eps=_EPSILON,
            maximize=False,
        )
