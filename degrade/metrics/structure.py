"""Structural similarity: on Y, over the three colours, and over five scales."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import AnyArray
from degrade.metrics.planes import PEAK, Plane, PlanePair, strips_of

__all__ = ["MS_SSIM_SIDE", "SSIM_SIDE", "halved", "ms_ssim", "ssim", "ssim_of_planes", "ssim_rgb"]

_RADIUS, _SIGMA = 5, 1.5
_C1, _C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2
_SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

SSIM_SIDE = 2 * _RADIUS + 1
"""Pixels a side that one window has."""

MS_SSIM_SIDE = SSIM_SIDE * 2 ** (len(_SCALES) - 1)
"""Pixels a side that leave a window at the coarsest scale."""


def ssim(image: AnyArray, reference: AnyArray, *, border: int) -> float:
    """Return the structural similarity on Y, at most 1.

    Parameters
    ----------
    image, reference, border
        As for :func:`degrade.metrics.fidelity.psnr`.

    Raises
    ------
    InvalidValueError
        The shapes differ, or less than 11 × 11 pixels are left inside the border.

    References
    ----------
    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", TIP
    2004: a Gaussian window of 11 × 11 and σ 1.5, K1 = 0.01, K2 = 0.03; the mean over all windows
    that lie inside. The image is not made smaller first, as in the authors' later code.
    """
    return _means(PlanePair(image, reference, border))[0]


def ssim_rgb(image: AnyArray, reference: AnyArray, *, border: int) -> float:
    """Return the mean of :func:`ssim` over red, green and blue; arguments and errors as there."""
    pairs = [PlanePair(image, reference, border, channel) for channel in range(3)]
    return sum(_means(pair)[0] for pair in pairs) / 3


def ssim_of_planes(first: AnyArray, second: AnyArray) -> float:
    """Do what :func:`ssim` does, with two (H, W) float planes of grey levels and no border."""
    return _means(PlanePair(first, second))[0]


def ms_ssim(image: AnyArray, reference: AnyArray, *, border: int) -> float:
    """Return the structural similarity over five scales on Y, 0 … 1.

    Parameters
    ----------
    image, reference, border
        As for :func:`ssim`.

    Raises
    ------
    InvalidValueError
        The shapes differ, or less than 176 × 176 pixels are left inside the border.

    References
    ----------
    Wang, Simoncelli, Bovik, "Multiscale Structural Similarity for Image Quality Assessment",
    Asilomar 2003. A scale is the mean of 2 × 2 pixels of the one before; a last odd row or column
    is left out. A scale that is anticorrelated counts as 0, where the power would be no number.
    """
    pair = PlanePair(image, reference, border)
    pair.require(MS_SSIM_SIDE)
    product = 1.0
    for number, weight in enumerate(_SCALES, 1):
        whole, contrast = _means(pair)
        is_last = number == len(_SCALES)
        product *= max(whole if is_last else contrast, 0.0) ** weight
        if not is_last:
            pair = PlanePair(*halved(pair))
    return product


def halved(pair: PlanePair) -> tuple[Plane, Plane]:
    """Return both planes made of the means of 2 × 2 pixels; a last odd row or column is left out.

    Returns
    -------
    two (h // 2, w // 2) float64 arrays
    """
    rows, columns = (length // 2 for length in pair.shape)
    found = np.empty((rows, columns)), np.empty((rows, columns))
    for strip in strips_of(2 * rows, 2 * columns, multiple=2):
        for whole, part in zip(found, pair.rows(strip.top, strip.bottom), strict=True):
            blocks = part[:, : 2 * columns].reshape(-1, 2, columns, 2)
            whole[strip.top // 2 : strip.bottom // 2] = blocks.mean(axis=(1, 3))
    return found


def _means(pair: PlanePair) -> tuple[float, float]:
    """Return the mean over all windows of SSIM, and of its part that is contrast and structure."""
    pair.require(SSIM_SIDE)
    height, width = pair.shape
    whole, part = 0.0, 0.0
    # A strip of windows: the first of them is centred on the fifth row of what it sees.
    for strip in strips_of(height - 2 * _RADIUS, width):
        first, second = pair.rows(strip.top, strip.bottom + 2 * _RADIUS)
        similarity, contrast = _similarity(first, second)
        whole += float(similarity.sum())
        part += float(contrast.sum())
    count = (height - 2 * _RADIUS) * (width - 2 * _RADIUS)
    return whole / count, part / count


def _similarity(first: Plane, second: Plane) -> tuple[Plane, Plane]:
    mean_1, mean_2 = _windowed(first), _windowed(second)
    variance_1 = _windowed(first * first) - mean_1**2
    variance_2 = _windowed(second * second) - mean_2**2
    covariance = _windowed(first * second) - mean_1 * mean_2
    contrast = (2 * covariance + _C2) / (variance_1 + variance_2 + _C2)
    return (2 * mean_1 * mean_2 + _C1) / (mean_1**2 + mean_2**2 + _C1) * contrast, contrast


def _windowed(plane: npt.NDArray[np.float64]) -> Plane:
    """Return the Gaussian mean around each pixel whose window lies inside."""
    offsets = np.arange(-_RADIUS, _RADIUS + 1)
    taps = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    taps /= taps.sum()
    for axis in (0, 1):
        plane = scipy.ndimage.correlate1d(plane, taps, axis=axis)
    inside = slice(_RADIUS, -_RADIUS)
    return plane[inside, inside]
