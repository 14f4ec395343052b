"""Where on a photo the crops are taken, and which photos have nothing to take."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError
from degrade.kernels.estimates import UnsuitablePhotoError
from degrade.luma import luma
from degrade.resample import imresize
from kernelgan.config import KernelGANConfig

__all__ = ["CropPlan", "plan_crops"]

_SMOOTHING = 2.0
_FLATTEST = 1.0
"""Smallest root-mean-square gradient of the busiest crop, in 8-bit levels per pixel after
smoothing: below it there is no edge whose blur could be seen, only noise."""


@dataclass(frozen=True, slots=True, eq=False)
class CropPlan:
    """The top-left corners of all crops of a run, fixed before the first step.

    Attributes
    ----------
    hr : (iterations, 2) int64 array
        Of the generator's crops.
    lr : (iterations, 2) int64 array
        Of the discriminator's real crops.
    contrast : float
        Root-mean-square gradient of the busiest crop (8-bit levels per pixel, smoothed).
    """

    hr: npt.NDArray[np.int64]
    lr: npt.NDArray[np.int64]
    contrast: float


def plan_crops(
    image: FloatArray, config: KernelGANConfig, *, key: str, rng: np.random.Generator
) -> CropPlan:
    """Draw crops with probability proportional to their gradient energy.

    Parameters
    ----------
    image : (H, W, 3) float32 array
        RGB on [0, 1].
    config : KernelGANConfig
    key : str
        The photo's name, for the error.
    rng : numpy.random.Generator

    Raises
    ------
    UnsuitablePhotoError
        The photo is too small or too flat.
    InvalidValueError
        ``image`` has another shape or holds NaN.
    """
    if image.ndim != 3 or image.shape[2] != 3:
        raise InvalidValueError(f"image must be (H, W, 3), got {image.shape}")
    height, width = image.shape[:2]
    if min(height, width) < config.smallest_side:
        raise UnsuitablePhotoError(
            key,
            f"{height}×{width} pixels are too small for a ×{config.scale} kernel",
            f"use photos of at least {config.smallest_side} pixels a side",
        )
    if not np.isfinite(image).all():
        raise InvalidValueError(f"image must be finite, {key} holds NaN or infinity")
    grey = luma(image)
    smooth = ndimage.gaussian_filter(grey, _SMOOTHING, mode="reflect")
    contrast = 255 * float(np.sqrt(_window_means(_energy(smooth), config.hr_crop).max()))
    if contrast < _FLATTEST:
        raise UnsuitablePhotoError(
            key,
            f"no edges (the strongest gradient is {contrast:.2f} grey levels per pixel, "
            f"{_FLATTEST:g} is needed)",
            "use photos with sharp detail",
        )
    scale, side, count = config.base_scale, config.lr_crop, config.iterations
    smaller = imresize(grey[: height - height % scale, : width - width % scale], 1 / scale)
    # An HR crop comes out as the middle of its LR version, so its energy is taken there.
    margin = (config.hr_crop // scale - side) // 2
    inner = _window_means(_energy(smaller[margin:-margin, margin:-margin]), side)
    return CropPlan(
        hr=_draw(inner, count, rng) * scale,
        lr=_draw(_window_means(_energy(grey), side), count, rng),
        contrast=contrast,
    )


def _energy(grey: FloatArray) -> npt.NDArray[np.float64]:
    """Return the squared gradient of a (H, W) image by central differences."""
    rows, columns = np.gradient(grey)
    energy: npt.NDArray[np.float64] = np.square(rows, dtype=np.float64)
    energy += np.square(columns, dtype=np.float64)
    return energy


def _window_means(values: npt.NDArray[np.float64], size: int) -> npt.NDArray[np.float64]:
    """Return the mean over the (size, size) window at every top-left corner, at least 0."""
    for axis in (0, 1):
        sums = np.cumsum(values, axis=axis)
        sums = np.insert(sums, 0, 0.0, axis=axis)
        ends = np.arange(size, sums.shape[axis])
        values = sums.take(ends, axis) - sums.take(ends - size, axis)
    return np.maximum(values / size**2, 0.0)


def _draw(
    weights: npt.NDArray[np.float64], count: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return (count, 2) positions drawn with probability proportional to ``weights``."""
    steps = np.cumsum(weights.ravel())
    # random() is below 1, so the product stays below the last step but for rounding.
    drawn = np.searchsorted(steps, rng.random(count) * steps[-1], side="right")
    drawn = np.minimum(drawn, steps.size - 1)
    return np.stack(np.unravel_index(drawn, weights.shape), axis=1)
