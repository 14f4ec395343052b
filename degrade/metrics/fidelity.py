"""Peak signal-to-noise ratio: on Y, as the field reports it, and over the three colours."""

from __future__ import annotations

import math

import numpy as np

from degrade.arrays import AnyArray
from degrade.metrics.planes import PEAK, PlanePair, strips_of

__all__ = ["BEST_DB", "mean_square_error", "psnr", "psnr_of_error", "psnr_rgb"]

BEST_DB = 100.0
"""What equal images, whose PSNR is infinite, count as in a mean."""


def psnr(image: AnyArray, reference: AnyArray, *, border: int) -> float:
    """Return the peak signal-to-noise ratio on Y in dB, for a peak of 255; equal images: infinity.

    Parameters
    ----------
    image, reference : (H, W, 3) arrays
        As for :func:`degrade.luma.luma_studio`.
    border : int
        Pixels that are left out along each edge; the field takes the scale.

    Raises
    ------
    InvalidValueError
        The shapes differ, or nothing is left inside the border.
    """
    return psnr_of_error(mean_square_error(PlanePair(image, reference, border)), peak=PEAK)


def psnr_rgb(image: AnyArray, reference: AnyArray, *, border: int) -> float:
    """Return the same over red, green and blue together; arguments and errors as :func:`psnr`."""
    pairs = [PlanePair(image, reference, border, channel) for channel in range(3)]
    return psnr_of_error(sum(map(mean_square_error, pairs)) / 3, peak=PEAK)


def psnr_of_error(mean_square: float, *, peak: float) -> float:
    """Return the peak signal-to-noise ratio in dB of a mean squared error; of 0: infinity."""
    return math.inf if mean_square == 0 else 10 * math.log10(peak**2 / mean_square)


def mean_square_error(pair: PlanePair) -> float:
    """Return the mean squared difference of two planes, in grey levels squared.

    Raises
    ------
    InvalidValueError
        Nothing is left inside the border.
    """
    pair.require(1)
    height, width = pair.shape
    total = 0.0
    for strip in strips_of(height, width):
        first, second = pair.rows(strip.top, strip.bottom)
        total += float(np.sum((first - second) ** 2))
    return total / (height * width)
