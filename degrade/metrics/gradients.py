"""Gradient magnitude similarity deviation: how unevenly an image's edges are off."""

from __future__ import annotations

import numpy as np
import scipy

from degrade.arrays import AnyArray
from degrade.metrics.planes import Plane, PlanePair, strips_of
from degrade.metrics.structure import halved

__all__ = ["GMSD_SIDE", "gmsd", "gmsd_of_planes"]

_CONSTANT = 170.0

GMSD_SIDE = 6
"""Pixels a side: three when halved, as many as the filter has."""


def gmsd(image: AnyArray, reference: AnyArray, *, border: int) -> float:
    """Return the gradient magnitude similarity deviation on Y; 0 is best.

    Parameters
    ----------
    image, reference, border
        As for :func:`degrade.metrics.fidelity.psnr`.

    Raises
    ------
    InvalidValueError
        The shapes differ, or less than 6 × 6 pixels are left inside the border.

    References
    ----------
    Xue, Zhang, Mou, Bovik, "Gradient Magnitude Similarity Deviation", TIP 2014: Prewitt gradients
    of the planes halved, c = 170.
    """
    return _deviation(PlanePair(image, reference, border))


def gmsd_of_planes(first: AnyArray, second: AnyArray) -> float:
    """Do what :func:`gmsd` does, with two (H, W) planes of grey levels and no border."""
    return _deviation(PlanePair(first, second))


def _deviation(pair: PlanePair) -> float:
    pair.require(GMSD_SIDE)
    planes = halved(pair)
    height, width = planes[0].shape
    total, squares = 0.0, 0.0
    for strip in strips_of(height, width, halo=1):
        one, other = (_slope(plane[strip.first : strip.last])[strip.inner] for plane in planes)
        # What is missing from 1: small numbers, whose squares lose nothing.
        unlike = 1 - (2 * one * other + _CONSTANT) / (one**2 + other**2 + _CONSTANT)
        total += float(unlike.sum())
        squares += float(np.square(unlike).sum())
    mean = total / (height * width)
    return float(np.sqrt(max(squares / (height * width) - mean**2, 0.0)))


def _slope(plane: Plane) -> Plane:
    return np.asarray(np.hypot(*(scipy.ndimage.prewitt(plane, axis=axis) / 3 for axis in (0, 1))))
