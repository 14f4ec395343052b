"""Means over images, with what chance alone may do to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

__all__ = ["Mean", "mean_of"]

_LEAST = 3


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over images.

    Attributes
    ----------
    mean : float
    interval : (float, float) or None
        95 %, for other images of the same kind; None: too few to tell.
    count : int
    """

    mean: float
    interval: tuple[float, float] | None
    count: int

    @property
    def is_sure(self) -> bool:
        """Whether the interval leaves out 0: of a difference, that there is one."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def mean_of(values: Sequence[float]) -> Mean:
    """Return the mean of at least one finite value, with Student's interval from three on."""
    array = np.asarray(values, np.float64)
    mean, count = float(array.mean()), len(array)
    if count < _LEAST:
        return Mean(mean, None, count)
    error = float(array.std(ddof=1)) / np.sqrt(count)
    half = float(scipy.stats.t.ppf(0.975, count - 1)) * error
    return Mean(mean, (mean - half, mean + half), count)
