"""Photos with grain and colours, and what JPEG makes of them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

from degrade.arrays import U8Array
from degrade.rng import rng_for
from tests.making import make_scene


def make_photo(name: str, height: int = 320, width: int = 336) -> U8Array:
    """Return a scene with fine texture in every colour, and a sensor's noise."""
    rng = rng_for(0, "jpeg photo", name)
    texture = ndimage.gaussian_filter(rng.normal(0, 0.16, (height, width, 3)), (0.8, 0.8, 0))
    noise = rng.normal(0, 0.008, (height, width, 3))
    pixels = 0.15 + 0.7 * make_scene(name, height, width) + texture + noise
    return np.rint(255 * np.clip(pixels, 0.02, 0.98)).astype(np.uint8)


def through_jpeg(pixels: U8Array, quality: int | str = 75, **settings: Any) -> U8Array:
    """Return what libjpeg makes of pixels; ``settings`` are Pillow's."""
    file = io.BytesIO()
    if "qtables" not in settings:  # Pillow would scale these by the quality
        settings["quality"] = quality
    Image.fromarray(pixels).save(file, "JPEG", **settings)
    return np.array(Image.open(file))
