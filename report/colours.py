"""Colours of signed values: a kernel's weights may be negative."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from degrade.arrays import round_to_u8

__all__ = ["signed_colours"]

_NEGATIVE, _POSITIVE = ((194, 65, 12), (251, 176, 122)), ((9, 27, 74), (59, 122, 194))


def signed_colours(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Colour values on [-1, 1]: white at 0, through a light to a dark shade at the ends."""
    strength = np.sqrt(np.abs(values))
    places = (0.0, 0.5, 1.0)

    def shades(dark: tuple[int, ...], light: tuple[int, ...]) -> npt.NDArray[np.float64]:
        stops = zip((255, 255, 255), light, dark, strict=True)
        return np.stack([np.interp(strength, places, stop) for stop in stops], axis=-1)

    rgb = np.where((values < 0)[..., None], shades(*_NEGATIVE), shades(*_POSITIVE))
    return round_to_u8(rgb)
