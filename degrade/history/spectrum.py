"""How the power of a photo's detail falls with frequency, along rows and columns."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.history.windows import SIDE

__all__ = ["BANDS", "fall_of_power"]

_Floats = npt.NDArray[np.float64]

_EDGES = (3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 32)
BANDS: _Floats = np.array([(first + last - 1) / 2 / SIDE for first, last in pairwise(_EDGES)])
"""Middles of fifteen bands, cycles per pixel."""

_WINDOWS = 48
_CLIPPED_SHARE = 0.05
_FLOOR = 1e-3


def fall_of_power(windows: FloatArray) -> _Floats:
    """Return the log power in ``BANDS``, over that of a photo that falls with 1/f².

    Of the 48 windows with most detail, those with black and white pixels counting for less.

    Parameters
    ----------
    windows : (N, 64, 64) float32 array
        On [0, 255].

    Returns
    -------
    (15,) float64 array
        Natural logarithms; the mean of the first two is 0.
    """
    steps = np.abs(np.diff(windows, axis=2)).mean(axis=(1, 2))
    steps += np.abs(np.diff(windows, axis=1)).mean(axis=(1, 2))
    clipped = ((windows <= 2) | (windows >= 253)).mean(axis=(1, 2))
    order = np.argsort(-steps * np.exp(-clipped / _CLIPPED_SHARE), kind="stable")[:_WINDOWS]
    chosen = windows[order] - windows[order].mean(axis=(1, 2), keepdims=True)
    taper = np.hanning(SIDE).astype(np.float32)
    along = _power(chosen * taper)
    down = _power(chosen.transpose(0, 2, 1) * taper)
    frequencies = np.maximum(np.arange(len(along)), 1) / SIDE
    level = (along + down) / 2 + 2 * np.log(frequencies)
    bands = np.array([level[first:last].mean() for first, last in pairwise(_EDGES)])
    relative: _Floats = bands - bands[:2].mean()
    return relative


def _power(tapered: FloatArray) -> _Floats:
    """Return the log of the mean power along the rows of all windows."""
    transform = np.fft.rfft(tapered, axis=2)
    power = (transform.real**2 + transform.imag**2).mean(axis=(0, 1), dtype=np.float64)
    log_power: _Floats = np.log(power + _FLOOR)
    return log_power
