"""What a look at few pixels tells of a photo's levels: clipping, noise, whether it is a drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from degrade.arrays import FloatArray, U8Array
from degrade.luma import luma_fast

__all__ = ["Levels", "is_drawn", "measure_levels"]

_EVERY = 8
_DARKEST, _BRIGHTEST = 2, 253
_SIDE, _A_SIDE, _FLATTEST = 32, 16, 24
_NORMAL_MEAN = math.sqrt(math.pi / 2)  # one over the mean of |x|, x standard normal
_BEND_NORM = 6.0  # root of the sum of squares of (1, -2, 1) by (1, -2, 1)
_CLIPPED_WINDOW = 0.05
_DRAWN_SHARE, _FEW_LEVELS = 0.55, 40


@dataclass(frozen=True, slots=True)
class Levels:
    """Measured in a (H, W, 3) photo.

    Attributes
    ----------
    black, white, clipped : float
        Shares of pixels with a channel at 0 … 2, with one at 253 … 255, and with either.
    noise : float or None
        Standard deviation of white noise in luma, grey levels, in the flattest windows; blurred
        or compressed noise counts for less. None: no window is free of clipping.
    """

    black: float
    white: float
    clipped: float
    noise: float | None


def measure_levels(pixels_u8: U8Array) -> Levels:
    """Measure clipping at every eighth pixel of every eighth row, and noise in 256 windows.

    The noise is Immerkær's ("Fast Noise Variance Estimation", CVIU 1996) in the 24 flattest of
    16 × 16 windows of 32 × 32 pixels, evenly spread.
    """
    red, green, blue = cv2.split(np.ascontiguousarray(pixels_u8[::_EVERY, ::_EVERY]))
    black = cv2.min(cv2.min(red, green), blue) <= _DARKEST
    white = cv2.max(cv2.max(red, green), blue) >= _BRIGHTEST
    shares = [float(where.mean()) for where in (black, white, black | white)]
    return Levels(shares[0], shares[1], shares[2], _noise(pixels_u8))


def _noise(pixels_u8: U8Array) -> float | None:
    height, width = pixels_u8.shape[:2]
    side = min(_SIDE, height, width)
    if side < 8:
        return None
    tops, lefts = (
        np.unique(np.linspace(0, length - side, _A_SIDE).astype(int)) for length in (height, width)
    )
    windows = [pixels_u8[t : t + side, x : x + side] for t in tops for x in lefts]
    luma = luma_fast(np.concatenate(windows)).reshape(-1, side, side)
    clipped = ((luma <= _DARKEST) | (luma >= _BRIGHTEST)).mean(axis=(1, 2)) > _CLIPPED_WINDOW
    luma = luma[~clipped].astype(np.float32)
    if not len(luma):
        return None
    energy = np.square(np.diff(luma, axis=2)).mean(axis=(1, 2))
    energy += np.square(np.diff(luma, axis=1)).mean(axis=(1, 2))
    flattest = luma[np.argsort(energy, kind="stable")[:_FLATTEST]]
    bends = np.diff(np.diff(flattest, n=2, axis=1), n=2, axis=2)
    return float(np.abs(bends).mean() * _NORMAL_MEAN / _BEND_NORM)


def is_drawn(windows: FloatArray) -> bool:
    """Tell whether the windows of a photo are a drawing's: few levels, or most neighbours equal.

    Parameters
    ----------
    windows : (N, 64, 64) float32 array
        On [0, 255]; those with most detail.
    """
    inside = (windows > _DARKEST) & (windows < _BRIGHTEST)
    equal = (windows[:, :, 1:] == windows[:, :, :-1]) & inside[:, :, 1:]
    share = equal.sum() / max(int(inside[:, :, 1:].sum()), 1)
    levels = np.count_nonzero(np.bincount(windows.astype(np.uint8).ravel(), minlength=256))
    return bool(share > _DRAWN_SHARE or levels < _FEW_LEVELS)
