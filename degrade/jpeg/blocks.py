"""Whether the noise of a photo is that of its sensor, or what JPEG has left of it.

A JPEG of quality below about 93 rounds most of a flat part's noise away and leaves steps between
its 8×8 blocks. Such a patch passes for noise by its variance.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray
from degrade.noise import NoisePatch

__all__ = ["BLOCKY", "block_steps"]

BLOCKY = 2.0
"""From this :func:`block_steps` on, JPEG's blocks show. Noise without any stays below 1.3 from 4096
pixels on; real noise of sigma 2.5 saved at quality 95 comes to 1.3, at 92 to 2.2, at 80 to 4."""

_BLOCK = 8
_MOST_PATCHES = 16
_LEAST_PIXELS = 4096
_FLOOR = 1e-3
"""Squared grey levels; keeps a patch that is constant within its blocks from dividing by zero."""


def block_steps(patches: Sequence[NoisePatch]) -> float | None:
    """Return how much larger squared steps are across the borders of 8×8 blocks than elsewhere.

    The patches of one photo are taken together by where they lay in it. The border is looked for
    at all eight offsets, since the photo may have been cropped after its compression, along rows
    and along columns; the fainter one of the two counts. 1 means that there are no blocks.

    Parameters
    ----------
    patches : sequence of NoisePatch
        Of one photo; of many, sixteen are looked at.

    Returns
    -------
    float or None
        None when there are too few pixels to tell.

    References
    ----------
    The idea of comparing steps at the block grid with others: Wang, Bovik, Evans, "Blind
    measurement of blocking artifacts in images", ICIP 2000; here without a Fourier transform.
    """
    if len(patches) > _MOST_PATCHES:
        patches = [patches[i * len(patches) // _MOST_PATCHES] for i in range(_MOST_PATCHES)]
    if sum(patch.pixels.shape[0] ** 2 for patch in patches) < _LEAST_PIXELS:
        return None
    sums = np.zeros((2, 2, _BLOCK))
    for patch in patches:
        grey = _grey_levels(patch.pixels)
        top, left = patch.box[:2]
        sums[0] += _by_phase(grey, left)
        sums[1] += _by_phase(grey.T, top)
    return min(_contrast(total / count) for total, count in sums)


def _grey_levels(pixels: AnyArray) -> npt.NDArray[np.float32]:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return grey / np.float32(257) if pixels.dtype == np.uint16 else grey


def _by_phase(grey: npt.NDArray[np.float32], start: int) -> npt.NDArray[np.float64]:
    """Return the sum of squared steps along the rows, and their number, by column modulo 8."""
    squares = np.square(np.diff(grey, axis=1)).mean(axis=0)
    phases = (np.arange(len(squares)) + start) % _BLOCK
    both = [np.bincount(phases, weights, _BLOCK) for weights in (squares, None)]
    return np.array(both, np.float64)


def _contrast(levels: npt.NDArray[np.float64]) -> float:
    highest = int(levels.argmax())
    return float(levels[highest] / (np.delete(levels, highest).mean() + _FLOOR))
