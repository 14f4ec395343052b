"""A kernel at another scale than that which it was estimated for."""

from __future__ import annotations

from math import ceil

import numpy as np

from degrade.geometry import Scale, as_scale
from degrade.kernels.kernel import BlurKernel, phase_centre, repair_kernel
from degrade.kernels.phases import cardinal_spline

__all__ = ["rescale_kernel"]


def rescale_kernel(kernel: BlurKernel, scale: Scale) -> BlurKernel:
    """Return the same blur for HR images of another scale: in LR pixels the kernel stays itself.

    Parameters
    ----------
    kernel : BlurKernel
    scale : Scale
        Of the result.

    Returns
    -------
    BlurKernel
        A cubic spline through the taps, read at the places of the new ones.
    """
    scale = as_scale(scale)
    if scale == kernel.scale:
        return kernel
    factor = float(scale) / float(kernel.scale)
    size = 2 * ceil((kernel.size * factor + 1) / 2) + 1
    places = np.arange(size, dtype=np.float64) - phase_centre(size, scale)
    places /= factor
    places += phase_centre(kernel.size, kernel.scale)
    moves = cardinal_spline(places[:, None] - np.arange(kernel.size))
    weights = moves @ kernel.weights.astype(np.float64) @ moves.T
    return repair_kernel(weights / weights.sum(), scale, kernel.source)[0]
