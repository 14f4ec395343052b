"""Filters of LR that have a gain by frequency."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from degrade.audit.closed_loop import Gain
from degrade.audit.spectra import BAND_FREQUENCIES
from degrade.degradation.even_filters import MOST_REACH, EvenTaps
from degrade.degradation.fixed_point import TAP_UNIT, even_places

__all__ = ["taps_of_gain"]

_GRID = 48
_EXACTLY = 1e3
"""Weight of what has no frequency among all that a filter is fitted to: its taps sum to 1."""


def taps_of_gain(gain: Gain, reach: int = MOST_REACH, unit: int = 1) -> EvenTaps:
    """Return the filter that comes nearest to a gain.

    Parameters
    ----------
    gain : (24,) float64 array
        Natural logarithms of amplitude. Above Nyquist's frequency the last one holds.
    reach : int
        Pixels to each side of the middle, 0 to 5.
    unit : int
        All taps are multiples of it; a power of two.
    """
    cycles = np.arange(_GRID // 2 + 1) / _GRID
    down, right = cycles[:, None], cycles[None]
    wanted = np.exp(np.interp(np.hypot(down, right), BAND_FREQUENCIES, gain)).ravel()
    places = even_places(reach)
    counts = np.array([_count(place) for place in places])
    waves = np.stack([_wave(place, down, right).ravel() for place in places], axis=1) * counts
    weight = np.ones(len(wanted))
    weight[0] = _EXACTLY
    fitted = np.linalg.lstsq(waves * weight[:, None], wanted * weight, rcond=None)[0]
    taps = np.rint(fitted * (TAP_UNIT / unit)).astype(int) * unit
    taps[0] += TAP_UNIT - int(taps @ counts)
    return tuple(map(int, taps))


def _wave(
    place: tuple[int, int], down: npt.NDArray[np.float64], right: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return what a tap and its images in the other directions give, their mean."""
    one, other = (2 * np.pi * offset for offset in place)
    both = np.cos(one * down) * np.cos(other * right), np.cos(other * down) * np.cos(one * right)
    return np.asarray((both[0] + both[1]) / 2)


def _count(place: tuple[int, int]) -> int:
    """Return at how many places of a filter the tap of one stands."""
    down, right = place
    if down == 0:
        return 1
    return 4 if right in (0, down) else 8
