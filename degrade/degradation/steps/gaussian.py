"""A Gaussian of whole numbers, by which levels are averaged exactly."""

from __future__ import annotations

import math

import numpy as np

from degrade.arrays import FloatArray
from degrade.degradation.downsampling import integer_taps

__all__ = ["gaussian_taps"]


def gaussian_taps(sigma: float) -> tuple[FloatArray, int]:
    """Return a Gaussian in whole numbers, (K, 1) float64, and their sum, a power of two."""
    reach = math.ceil(3.5 * sigma)
    weights = [math.exp(-0.5 * (place / sigma) ** 2) for place in range(-reach, reach + 1)]
    taps, unit = integer_taps(np.array(weights)[:, None] / math.fsum(weights))
    # Where they differ by rounding, both sides of the middle are made equal.
    even = np.minimum(taps, taps[::-1])
    even[reach] += unit - even.sum()
    return even.astype(np.float64), unit
