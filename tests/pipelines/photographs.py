"""Photos of a camera whose blur is known, with the flat parts and sharp edges of real ones."""

from __future__ import annotations

import cv2
import numpy as np

from degrade.arrays import FloatArray, U8Array
from degrade.images.image_io import quantise
from degrade.kernels import downsample, gaussian_kernel
from degrade.rng import rng_for


def make_leaves(name: str, height: int, width: int) -> FloatArray:
    """Return discs of all sizes over each other, the same for the same name."""
    rng = rng_for(0, "leaves", name)
    image = np.full((2 * height, 2 * width, 3), 0.5, np.float32)
    for radius in sorted(rng.pareto(1.2, 120) * 16 + 16, reverse=True):
        centre = int(rng.integers(2 * width)), int(rng.integers(2 * height))
        colour = tuple(float(level) for level in rng.uniform(0.1, 0.9, 3))
        cv2.circle(image, centre, int(min(radius, height)), colour, -1, cv2.LINE_AA)
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def take_photo(
    name: str, *, scale: int = 2, sigma: float = 0.6, noise: float = 0.0, side: int = 160
) -> U8Array:
    """Return a photo blurred by a Gaussian of ``sigma`` LR pixels, with ``noise`` grey levels."""
    scene = make_leaves(name, side * scale, (side + 20) * scale)
    kernel = gaussian_kernel(8 * scale + 1, scale, (sigma * scale, sigma * scale))
    grain = rng_for(0, "grain", name).normal(0, noise / 255, (side, side + 20, 3))
    return quantise(np.clip(downsample(scene, kernel) + grain, 0, 1))


def take_soft_cornered(
    name: str, *, growth: float, sigma: float = 0.6, height: int = 304, width: int = 400
) -> U8Array:
    """Return a photo at ×2 whose blur grows from the middle to the corners.

    Its width in LR pixels is ``sigma · (1 + growth · radius²)``, the radius being 1 in the corners.
    """
    scene = make_leaves(name, 2 * height, 2 * width)
    levels = np.geomspace(sigma, sigma * (1 + growth), 4)
    down, right = np.indices((height, width), np.float64)
    half = np.array([(height - 1) / 2, (width - 1) / 2])
    radius = np.hypot(down - half[0], right - half[1]) / np.hypot(*half)
    places = np.interp(sigma * (1 + growth * radius**2), levels, np.arange(len(levels)))
    total = np.zeros((height, width, 3), np.float32)
    for number, level in enumerate(levels):
        share = np.maximum(0, 1 - np.abs(places - number))[..., None].astype(np.float32)
        total += share * downsample(scene, gaussian_kernel(25, 2, (2 * level, 2 * level)))
    return quantise(np.clip(total, 0, 1))
