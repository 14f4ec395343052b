"""Kernels by formula: Gaussian, bicubic, and one after another."""

from __future__ import annotations

from math import ceil

import numpy as np

from degrade.errors import InvalidValueError
from degrade.geometry import Scale, as_scale, centre_offset, whole_scale
from degrade.kernels.kernel import BlurKernel, phase_centre, repair_kernel
from degrade.resample import cubic

__all__ = ["bicubic_kernel", "compose_kernels", "gaussian_kernel"]


def gaussian_kernel(
    size: int, scale: Scale, sigma: tuple[float, float], angle: float = 0.0
) -> BlurKernel:
    """Return an anisotropic Gaussian that follows the phase rule.

    Parameters
    ----------
    size : int
        K, odd.
    scale : Scale
        Downscaling factor.
    sigma : (float, float)
        Standard deviations along the rotated column and row axes, in HR pixels, above 0.
    angle : float
        Rotation in radians from the column axis towards the row axis.
    """
    if not min(sigma) > 0:
        raise InvalidValueError(f"sigma must be above 0, got {sigma}")
    rows, columns = np.mgrid[:size, :size] - phase_centre(size, scale)
    along = np.cos(angle) * columns + np.sin(angle) * rows
    across = -np.sin(angle) * columns + np.cos(angle) * rows
    weights = np.exp(-0.5 * ((along / sigma[0]) ** 2 + (across / sigma[1]) ** 2))
    kernel, _ = repair_kernel(weights / weights.sum(), scale, f"gaussian {sigma[0]:g} {sigma[1]:g}")
    return kernel


def bicubic_kernel(scale: Scale) -> BlurKernel:
    """Return the kernel that ``imresize(·, 1/scale)`` applies (antialiased, a = -0.5)."""
    scale = as_scale(scale)
    size = 2 * ceil(2 * scale + centre_offset(scale)) + 1
    places = np.arange(size, dtype=np.float64) - phase_centre(size, scale)
    taps = cubic(places / float(scale))
    taps /= taps.sum()
    return BlurKernel(np.outer(taps, taps).astype(np.float32), scale, f"bicubic ×{scale}")


def compose_kernels(first: BlurKernel, second: BlurKernel) -> BlurKernel:
    """Return the one kernel that equals downsampling by ``first``, then by ``second``.

    ``first`` acts on HR, so the taps of ``second`` lie ``first.scale`` HR pixels apart:
    k = k₁ ∗ (k₂ dilated by s₁) (KernelGAN, Bell-Kligler et al., NeurIPS 2019, §4, for ×4 from ×2).
    The scale of ``first`` is a whole one.
    """
    step, side = whole_scale(first.scale, "taps can only be spread by a whole one"), first.size
    inner = first.weights.astype(np.float64)
    weights = np.zeros(((second.size - 1) * step + side,) * 2)
    for (row, column), tap in np.ndenumerate(second.weights):
        weights[row * step : row * step + side, column * step : column * step + side] += tap * inner
    scale = as_scale(step * second.scale)
    # The centres' errors add up (the second's times the step), so they may need mending.
    return repair_kernel(weights, scale, f"{first.source} ∘ {second.source}".strip(" ∘"))[0]
