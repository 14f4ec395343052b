"""How near one image is to another: PSNR and SSIM on luma, as the field reports them."""

from __future__ import annotations

import math

import numpy as np
import scipy

from degrade.arrays import AnyArray
from degrade.errors import InvalidValueError
from degrade.luma import luma_studio

__all__ = ["psnr", "psnr_of_error", "ssim", "ssim_of_planes"]

_PEAK = 255.0
_RADIUS, _SIGMA = 5, 1.5
_C1, _C2 = (0.01 * _PEAK) ** 2, (0.03 * _PEAK) ** 2


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
    first, second = _inner_lumas(image, reference, border, smallest=1)
    return psnr_of_error(float(np.mean((first - second) ** 2)), peak=_PEAK)


def psnr_of_error(mean_square: float, *, peak: float) -> float:
    """Return the peak signal-to-noise ratio in dB of a mean squared error; of 0: infinity."""
    return math.inf if mean_square == 0 else 10 * math.log10(peak**2 / mean_square)


def ssim(image: AnyArray, reference: AnyArray, *, border: int) -> float:
    """Return the structural similarity on Y, at most 1.

    Parameters
    ----------
    image, reference, border
        As for :func:`psnr`.

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
    return ssim_of_planes(*_inner_lumas(image, reference, border, smallest=2 * _RADIUS + 1))


def ssim_of_planes(first: AnyArray, second: AnyArray) -> float:
    """Do what :func:`ssim` does, with two (H, W) float planes of grey levels and no border."""
    mean_1, mean_2 = _windowed(first), _windowed(second)
    variance_1 = _windowed(first * first) - mean_1**2
    variance_2 = _windowed(second * second) - mean_2**2
    covariance = _windowed(first * second) - mean_1 * mean_2
    similarity = ((2 * mean_1 * mean_2 + _C1) * (2 * covariance + _C2)) / (
        (mean_1**2 + mean_2**2 + _C1) * (variance_1 + variance_2 + _C2)
    )
    return float(similarity.mean())


def _inner_lumas(
    image: AnyArray, reference: AnyArray, border: int, smallest: int
) -> tuple[AnyArray, AnyArray]:
    if image.shape != reference.shape:
        raise InvalidValueError(
            f"both images must be of one shape, got {image.shape} and {reference.shape}"
        )
    if border < 0 or min(image.shape[:2]) - 2 * border < smallest:
        raise InvalidValueError(
            f"a border of {border} must leave {smallest} pixels a side, got {image.shape}"
        )
    inner = tuple(slice(border, side - border) for side in image.shape[:2])
    return luma_studio(image[inner]), luma_studio(reference[inner])


def _windowed(plane: AnyArray) -> AnyArray:
    """Return the Gaussian mean around each pixel whose window lies inside."""
    offsets = np.arange(-_RADIUS, _RADIUS + 1)
    taps = np.exp(-(offsets**2) / (2 * _SIGMA**2))
    taps /= taps.sum()
    for axis in (0, 1):
        plane = scipy.ndimage.correlate1d(plane, taps, axis=axis)
    inside = slice(_RADIUS, -_RADIUS)
    return plane[inside, inside]
