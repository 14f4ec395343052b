"""How clearly the 8×8 blocks of JPEG show in a photo.

Two figures, since they answer two questions. :func:`block_steps` says whether the noise of flat
patches is that of the sensor, or what JPEG has left of it: a quality below about 93 rounds most of
it away and leaves steps between the blocks; such a patch passes for noise by its variance.
:func:`block_bends` looks at a whole part of a photo, edges included: steps would mostly be those of
the scene there, so it takes second differences, and none for more than 8 levels. The weights of
:mod:`degrade.spectral` were trained on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray, U8Array
from degrade.jpeg.line_steps import mean_steps
from degrade.luma import luma_fast
from degrade.noise import NoisePatch

__all__ = ["BLOCKY", "block_bends", "block_steps", "noise_confidence"]

BLOCKY = 2.0
"""From this :func:`block_steps` on, JPEG's blocks show. Noise without any stays below 1.3 from 4096
pixels on; real noise of sigma 2.5 saved at quality 95 comes to 1.3, at 92 to 2.2, at 80 to 4."""

_BLOCK = 8
_STRONGEST_BEND = 8  # levels
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


def noise_confidence(steps: float | None) -> float | None:
    """Return how far noise is the sensor's own and not what JPEG has left of it.

    Parameters
    ----------
    steps : float or None
        What :func:`block_steps` returned.

    Returns
    -------
    float or None
        1: no blocks; below 0.5: they show (``BLOCKY``); 0: hardly anything else is there. A scale,
        not a probability. None: it is not known.
    """
    return (
        None if steps is None else min(max((2 * BLOCKY - 1 - steps) / (2 * BLOCKY - 2), 0.0), 1.0)
    )


def _grey_levels(pixels: AnyArray) -> npt.NDArray[np.float32]:
    grey = luma_fast(pixels).astype(np.float32)
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


def block_bends(luma_u8: U8Array) -> FloatArray:
    """Return how the second differences vary with the column, and with the row, modulo 8.

    The two largest and the smallest of the eight means, over their mean: JPEG's block borders,
    wherever the crop starts.

    Parameters
    ----------
    luma_u8 : (H, W) uint8 array
        At least 10 pixels a side.

    Returns
    -------
    (6,) float32 array
        Along the rows, then along the columns; about 1 each where there are no blocks.
    """
    return np.concatenate([*map(_bends, mean_steps(luma_u8, order=2, most=_STRONGEST_BEND))])


def _bends(means: FloatArray) -> FloatArray:
    whole = len(means) // _BLOCK * _BLOCK
    phases = np.sort(means[:whole].reshape(-1, _BLOCK).mean(axis=0))
    relative: FloatArray = phases[[-1, -2, 0]] / (phases.mean() + 0.05)
    return relative
