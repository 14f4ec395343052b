"""The colours of LR corrected until they are as soft as those of the photos it shall look like.

A kernel is the same for all channels. What a camera does to colours besides is a filter on what
differs from grey: its gain by frequency is that by which the spectra of Cb and Cr differ.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from degrade.audit.closed_loop import NO_GAIN, Gain, mean_gap
from degrade.audit.features import PhotoFeatures
from degrade.audit.spectra import BAND_FREQUENCIES, LOW_BANDS
from degrade.audit.two_sample import LEAST_PAIRS
from degrade.degradation.fixed_point import TAP_UNIT, even_places
from degrade.errors import InvalidValueError

__all__ = ["LEAST_GAIN", "colour_gap", "colour_taps", "has_colours"]

LEAST_GAIN = -3.0
"""Of a filter's amplitude a twentieth is left. Phones leave no more of fine colours; below it what
clipping and rounding of LR add is more than what is left."""

_LEAST_POWER = 1.0
"""Squared grey levels at low frequencies: what has less is grey, and tells nothing of colours."""

_REACH = 5
_GRID = 48
_EXACTLY = 1e3
"""Weight of what has no frequency among all that a filter is fitted to: its taps sum to 1."""


def colour_gap(photos: Sequence[PhotoFeatures], lr: Sequence[PhotoFeatures]) -> Gain:
    """Return by how much more amplitude the colours of photos have than those of LR, band by band.

    Both are taken relative to their low frequencies; pairs of which one is grey are passed over.
    Where fewer than :data:`degrade.audit.two_sample.LEAST_PAIRS` are left these are too few: one
    scene's colours would be taken for the camera's.

    Parameters
    ----------
    photos, lr : sequences of PhotoFeatures
        Element i of the one is matched with element i of the other.

    Returns
    -------
    (24,) float64 array
        Natural logarithms of amplitude; 0 throughout where too few pairs have colours.

    Raises
    ------
    InvalidValueError
        They differ in number.
    """
    if len(photos) != len(lr):
        raise InvalidValueError(f"as many photos as LR are needed, got {len(photos)}, {len(lr)}")
    gaps = [
        ours.colour_spectrum - theirs.colour_spectrum
        for ours, theirs in zip(photos, lr, strict=True)
        if has_colours(ours) and has_colours(theirs)
    ]
    return mean_gap(gaps) if len(gaps) >= LEAST_PAIRS else NO_GAIN


def has_colours(photo: PhotoFeatures) -> bool:
    """Whether a photo is not grey: of its colours low frequencies are more than rounding leaves."""
    return bool(photo.colour_spectrum[LOW_BANDS].mean() > np.log(_LEAST_POWER))


def colour_taps(gain: Gain) -> tuple[int, ...]:
    """Return the filter of a gain, as :class:`~degrade.degradation.steps.ColourResponse` has it.

    Parameters
    ----------
    gain : (24,) float64 array
        Natural logarithms of amplitude. Above Nyquist's frequency the last one holds.
    """
    cycles = np.arange(_GRID // 2 + 1) / _GRID
    down, right = cycles[:, None], cycles[None]
    wanted = np.exp(np.interp(np.hypot(down, right), BAND_FREQUENCIES, gain)).ravel()
    places = even_places(_REACH)
    counts = np.array([_count(place) for place in places])
    waves = np.stack([_wave(place, down, right).ravel() for place in places], axis=1) * counts
    weight = np.ones(len(wanted))
    weight[0] = _EXACTLY
    fitted = np.linalg.lstsq(waves * weight[:, None], wanted * weight, rcond=None)[0]
    taps = np.rint(fitted * TAP_UNIT).astype(int)
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
