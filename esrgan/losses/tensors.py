"""What the losses ask of the tensors that they are given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from degrade.errors import InvalidValueError

__all__ = ["require_same_shape", "widened", "without_autocast", "without_own_gradients"]


def require_same_shape(first: Tensor, second: Tensor) -> None:
    """Refuse two tensors of different shapes, which PyTorch would broadcast.

    Raises
    ------
    InvalidValueError
        The shapes differ.
    """
    if first.shape != second.shape:
        raise InvalidValueError(
            f"both must be of one shape, got {tuple(first.shape)} and {tuple(second.shape)}"
        )


def widened(tensor: Tensor) -> Tensor:
    """Return a half-precision tensor as float32, any other as it is.

    Means and sums of thousands of bfloat16 values, which have 8 bits, lose what a loss is about.
    """
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor


@contextmanager
def without_autocast(like: Tensor) -> Iterator[None]:
    """Compute in the dtypes given, inside a region of automatic mixed precision, too."""
    with torch.autocast(device_type=like.device.type, enabled=False):
        yield


@contextmanager
def without_own_gradients(network: nn.Module) -> Iterator[None]:
    """Pass gradients through a network, not into its weights: a third of its backward pass."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
