"""Pixels of any depth and number of channels as RGB on the full range of 8 or 16 bits."""

from __future__ import annotations

import numpy as np

from degrade.arrays import AnyArray
from degrade.errors import InvalidValueError

__all__ = ["full_range", "split_channels"]

_STRIP = 256


def full_range(levels: AnyArray, bits: int) -> AnyArray:
    """Return uint16 levels of 0 … 2**bits − 1 spread over 16 bits; of 16 as they are."""
    if bits >= 16:
        return levels
    spread = np.empty(levels.shape, np.uint16)
    white = (1 << bits) - 1
    for top in range(0, len(levels), _STRIP):
        strip = levels[top : top + _STRIP].astype(np.uint32)
        spread[top : top + _STRIP] = (strip * 65535 + white // 2) // white
    return spread


def split_channels(levels: AnyArray) -> tuple[AnyArray, AnyArray | None, tuple[str, ...]]:
    """Return RGB, alpha and notes of (H, W) or (H, W, 1…4) gray, gray + alpha, RGB or RGBA."""
    if levels.dtype not in (np.uint8, np.uint16):
        raise InvalidValueError(f"pixels of type {levels.dtype}, not of 8 or 16 bits")
    if levels.ndim == 2:
        levels = levels[..., None]
    channels = levels.shape[2]
    alpha = np.ascontiguousarray(levels[..., -1]) if channels in (2, 4) else None
    if channels < 3:
        return levels[..., :1].repeat(3, axis=2), alpha, ("gray",)
    return np.ascontiguousarray(levels[..., :3]), alpha, ()
