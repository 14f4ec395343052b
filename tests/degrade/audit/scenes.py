"""Small photos of drawn scenes, and what may be done to them."""

from __future__ import annotations

import cv2
import numpy as np
from scipy import ndimage

from degrade.arrays import FloatArray, U8Array, round_to_u8
from degrade.rng import rng_for


def make_scene(name: str, side: int = 96) -> FloatArray:
    """Return discs and straight bars over each other, with a little texture; grey levels."""
    rng = rng_for(0, "scene", name)
    image = np.full((4 * side, 4 * side, 3), 128, np.float32)
    for _ in range(140):
        colour = tuple(float(level) for level in rng.uniform(25, 230, 3))
        centre = tuple(int(c) for c in rng.integers(0, 4 * side, 2))
        size = int(rng.pareto(1.3) * 20 + 20)
        if rng.random() < 0.6:
            cv2.circle(image, centre, min(size, 2 * side), colour, -1, cv2.LINE_AA)
        else:
            corner = centre[0] + size, centre[1] + 3 * size
            cv2.rectangle(image, centre, corner, colour, -1)
    grain = ndimage.gaussian_filter(rng.normal(0, 60, image.shape[:2]), 3)
    image += (grain * (image[..., 1] > 150))[..., None].astype(np.float32)
    small = cv2.GaussianBlur(image, (0, 0), 2.2)
    return np.asarray(cv2.resize(small, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def make_photo(name: str, side: int = 96, *, noise: float = 0.8) -> U8Array:
    """Return a scene as a camera with little noise takes it."""
    scene = make_scene(name, side)
    grain = rng_for(0, "sensor", name).normal(0, noise, scene.shape)
    return round_to_u8(scene + ndimage.gaussian_filter(grain, (0.5, 0.5, 0)))


_SLANTED = np.diag([0.25, 0.5, 0.25])


def move(photo: U8Array, length: float, degrees: float) -> U8Array:
    """Return a photo taken while the camera moved, along an angle that rises to the right."""
    margin, angle = 16, np.deg2rad(degrees)
    wide = np.pad(photo.astype(float), ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    down, right = np.fft.fftfreq(wide.shape[0])[:, None], np.fft.fftfreq(wide.shape[1])
    kept = np.sinc(length * (right * np.cos(angle) - down * np.sin(angle)))[..., None]
    moved = np.fft.ifft2(np.fft.fft2(wide, axes=(0, 1)) * kept, axes=(0, 1)).real
    return round_to_u8(moved[margin:-margin, margin:-margin].astype(np.float32))


def plant(photo: U8Array, kind: str, name: str) -> U8Array:
    """Return a photo with one thing done to it."""
    rng, levels = rng_for(0, kind, name), photo.astype(np.float32)
    if kind == "softer":
        levels = cv2.GaussianBlur(levels, (0, 0), 0.7)
    elif kind == "softer along rows":
        levels = cv2.GaussianBlur(levels, (9, 1), 0.6)
    elif kind == "softer along columns":
        levels = cv2.GaussianBlur(levels, (1, 9), 0.6)
    elif kind == "softer along 45° (rising)":
        levels = ndimage.correlate(levels, _SLANTED[::-1, :, None], mode="nearest")
    elif kind == "softer along 45° (falling)":
        levels = ndimage.correlate(levels, _SLANTED[:, :, None], mode="nearest")
    elif kind == "more overshoot":
        levels += 0.8 * (levels - cv2.GaussianBlur(levels, (0, 0), 1.2))
    elif kind == "more noise":
        levels += rng.normal(0, 2.5, levels.shape[:2])[..., None]
    elif kind == "coarser grain":
        levels += ndimage.gaussian_filter(rng.normal(0, 7, levels.shape[:2]), 1.1)[..., None]
    elif kind == "more colour noise":
        grain = rng.normal(0, 3, levels.shape)
        levels += grain - (grain @ (0.299, 0.587, 0.114))[..., None]
    elif kind == "more JPEG blocks":
        encoded = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, 60])[1]
        levels = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), np.float32)
    elif kind == "softer colours":
        ycc = cv2.cvtColor(photo, cv2.COLOR_RGB2YCrCb)
        ycc[..., 1:] = cv2.GaussianBlur(ycc[..., 1:], (0, 0), 1.4)
        levels = cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB).astype(np.float32)
    return round_to_u8(levels)
