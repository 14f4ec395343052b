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
