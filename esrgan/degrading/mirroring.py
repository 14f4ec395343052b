"""Pixels beyond the edges of a batch."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["mirrored"]


def mirrored(values_BHWC: Tensor, axis: int, reach: int) -> Tensor:
    """Return a batch with pixels to both sides along an axis: mirrored, ends doubled.

    Parameters
    ----------
    values_BHWC : (B, H, W, C) tensor
    axis : int
        1 or 2.
    reach : int
        How many pixels to each side; as often as needed there and back.
    """
    length = values_BHWC.shape[axis]
    places = torch.arange(-reach, length + reach, device=values_BHWC.device)
    places = places.remainder(2 * length)
    places = torch.minimum(places, 2 * length - 1 - places)
    return values_BHWC.index_select(axis, places)
