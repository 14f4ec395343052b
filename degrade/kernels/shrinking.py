"""Kernels of one camera's photos, each moved towards what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from degrade.errors import InvalidValueError
from degrade.geometry import Scale
from degrade.kernels.estimates import error_energy, kpsnr_of
from degrade.kernels.kernel import BlurKernel, crop_or_pad_kernel, repair_kernel

__all__ = ["ShrunkKernel", "shrink_kernels"]

_Floats: TypeAlias = npt.NDArray[np.float64]

_MOST = 0.75
"""Of the way to the mean."""

_OWN = 0.5
"""The share of a kernel's expected error that is its photo's own, as where kernels are shared."""

_DIGITS = 2
_NEGLIGIBLE = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class ShrunkKernel:
    """A photo's kernel after it was moved towards its camera's.

    Attributes
    ----------
    kernel : BlurKernel
    share : float
        How far it was moved, of the way to the mean of the camera's, in hundredths.
    expected_kpsnr : float
        The kernel PSNR to expect of it, dB.
    """

    kernel: BlurKernel
    share: float
    expected_kpsnr: float


def shrink_kernels(
    kernels: Sequence[BlurKernel], expected_kpsnr: Sequence[float]
) -> list[ShrunkKernel]:
    """Move each kernel towards the mean of all, by its own doubt against their scatter.

    Kernels of one camera differ, for focus and aperture do, and because each estimate is wrong in a
    way of its own. Where they lie much further apart than their errors explain, each photo is right
    about itself. A kernel whose error has the energy e is moved by e / (e + t) of the way, where t
    is what the scatter has beyond the errors; but three quarters at most, since what photos have in
    common is not all that there is.

    Parameters
    ----------
    kernels : sequence of BlurKernel
        At least two, of one scale, in an order that does not depend on a run: sums are taken in it.
    expected_kpsnr : sequence of float
        Of each, dB.

    Returns
    -------
    list of ShrunkKernel
        One for each.

    Raises
    ------
    InvalidValueError
        There are fewer than two kernels, or their scales differ.

    References
    ----------
    Efron & Morris, "Stein's Estimation Rule and Its Competitors - An Empirical Bayes Approach",
    JASA 1973, the case of unequal variances; here the errors are what the estimates expect.
    """
    scales = {kernel.scale for kernel in kernels}
    if len(kernels) < 2 or len(scales) != 1:
        raise InvalidValueError(
            f"a camera's kernels must be two or more of one scale, got {len(kernels)} "
            f"of scales {sorted(scales)}"
        )
    side = max(kernel.size for kernel in kernels)
    weights = [crop_or_pad_kernel(k.weights, side).astype(np.float64) for k in kernels]
    mean = sum(weights[1:], start=weights[0]) / len(weights)
    distances = [fsum(np.square(own - mean).ravel()) for own in weights]
    errors = [error_energy(kpsnr) for kpsnr in expected_kpsnr]
    scatter = fsum(distances) / (len(weights) - 1)
    beyond = max(scatter - fsum(errors) / len(errors), 0.0)
    shrunk = []
    for kernel, own, error in zip(kernels, weights, errors, strict=True):
        # Rounded, so that the last bits of an estimate do not matter.
        share = round(min(error / (error + beyond), _MOST), _DIGITS)
        moved = _without_margin(own + share * (mean - own), kernel.scale)
        left = error * (1 - _OWN * share)
        repaired, _ = repair_kernel(moved, kernel.scale, kernel.source)
        shrunk.append(ShrunkKernel(repaired, share, kpsnr_of(left)))
    return shrunk


def _without_margin(weights: _Floats, scale: Scale) -> _Floats:
    """Cut margins that hold next to nothing."""
    while weights.shape[0] > 2 * scale + 3:
        inner = weights[1:-1, 1:-1]
        if np.abs(weights).sum() - np.abs(inner).sum() > _NEGLIGIBLE:
            break
        weights = inner
    return weights
