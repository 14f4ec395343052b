"""Photos whose noise is known: its strength by level, its grain, how the channels go together."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from degrade.arrays import AnyArray, FloatArray, U8Array
from degrade.rng import rng_for

GRAIN = np.array([[0.2, 0.4, 0.2], [0.4, 1, 0.4], [0.2, 0.4, 0.2]])
GRAIN /= np.sqrt((GRAIN**2).sum())
LAG_1 = float((GRAIN[1:] * GRAIN[:-1]).sum())
TOGETHER = np.array([[1, 0.6, 0.4], [0.6, 1, 0.6], [0.4, 0.6, 1]])


def variance_of(level: Any) -> Any:
    """Return a variance that rises, peaks at level 126 and falls."""
    return np.exp(np.log(9) + 1.2 * np.sin(np.asarray(level) / 80))


def grain_of(rng: np.random.Generator, height: int, width: int) -> AnyArray:
    """Return noise of variance 1."""
    white = rng.normal(size=(height + 6, width + 6, 3)) @ np.linalg.cholesky(TOGETHER).T
    grain: AnyArray = ndimage.convolve(white, GRAIN[..., None])[3:-3, 3:-3]
    return grain


def flat_levels(
    name: str, height: int = 384, width: int = 384, low: int = 30, high: int = 220
) -> FloatArray:
    """Return a wall of 64 px squares, each of one grey level."""
    rng = rng_for(0, "wall", name)
    greys = rng.uniform(low, high, (-(-height // 64), -(-width // 64)))
    whole = np.kron(greys, np.ones((64, 64)))[:height, :width]
    return np.repeat(whole[..., None], 3, axis=2).astype(np.float32)


def noisy_levels(name: str, levels: FloatArray, times: float = 1.0) -> AnyArray:
    """Return levels with noise, its variance multiplied by ``times``."""
    noise = grain_of(rng_for(0, "noise", name), *levels.shape[:2])
    return levels + np.sqrt(times * variance_of(levels)) * noise


def noisy_photo(name: str, times: float = 1.0, **size: int) -> U8Array:
    """Return a wall with noise."""
    noisy = noisy_levels(name, flat_levels(name, **size), times)
    return np.rint(np.clip(noisy, 0, 255)).astype(np.uint8)
