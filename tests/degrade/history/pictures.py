"""Pictures whose history is known, because it is made here."""

from __future__ import annotations

import cv2
import numpy as np

from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.rng import rng_for


def natural(name: str, height: int = 512, width: int = 640) -> U8Array:
    """Return a texture whose power falls with 1/f², as that of photos does, with some noise."""
    rng = rng_for(0, "natural", name)
    across = np.fft.rfftfreq(width)[None, :]
    down = np.fft.fftfreq(height)[:, None]
    fall = 1 / np.maximum(np.hypot(across, down), 1 / width)
    white = np.fft.rfft2(rng.standard_normal((height, width)))
    grey = np.fft.irfft2(white * fall, (height, width))
    grey = 128 + 40 * grey / grey.std()
    grain = rng.normal(0, 1.0, (height, width, 3))
    return round_to_u8(grey[..., None] + grain)


def with_edges(name: str, height: int = 512, width: int = 640, count: int = 60) -> FloatArray:
    """Return flat polygons on a flat ground, as if of a scene: 8 times as fine, then reduced.

    The reduction is a box of a pixel, as a sensor has; grey levels, (height, width, 3).
    """
    fine = 8
    rng = rng_for(0, "edges", name)
    scene = np.full((height * fine, width * fine), 120, np.uint8)
    for _ in range(count):
        centre = rng.uniform((0, 0), (width * fine, height * fine))
        radius, turn = rng.uniform(40, 110) * fine, rng.uniform(0, np.pi)
        angles = turn + np.arange(4) * np.pi / 2
        corners = centre + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        level = int(rng.choice([60, 90, 150, 190]))
        cv2.fillPoly(scene, [np.rint(corners).astype(np.int32)], level)
    grey = cv2.resize(scene.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return np.repeat(grey[..., None], 3, axis=2)


def taken(levels: FloatArray, name: str = "", noise: float = 0.5) -> U8Array:
    """Return what a camera writes: with a little noise, rounded."""
    return round_to_u8(levels + rng_for(0, "taken", name).normal(0, noise, levels.shape))


def blurred(levels: FloatArray, sigma: float) -> FloatArray:
    """Blur by a Gaussian."""
    return np.asarray(cv2.GaussianBlur(levels, (0, 0), sigma, borderType=cv2.BORDER_REFLECT))


def sharpened(levels: FloatArray, amount: float, radius: float) -> FloatArray:
    """Apply 1 + a · (1 - G_s)."""
    return np.asarray(levels + amount * (levels - blurred(levels, radius)))


def moved(levels: FloatArray, length: float, degrees: float) -> FloatArray:
    """Blur along a line of this length and angle, counter-clockwise from the rows."""
    side = 2 * int(length) + 5
    kernel = np.zeros((side, side), np.float32)
    for place in np.linspace(-length / 2, length / 2, 801):
        x = side // 2 + place * np.cos(np.radians(degrees))
        y = side // 2 - place * np.sin(np.radians(degrees))
        left, top = int(x), int(y)
        right, below = x - left, y - top
        kernel[top, left] += (1 - below) * (1 - right)
        kernel[top, left + 1] += (1 - below) * right
        kernel[top + 1, left] += below * (1 - right)
        kernel[top + 1, left + 1] += below * right
    return np.asarray(cv2.filter2D(levels, -1, kernel / kernel.sum()))
