"""The colours of LR corrected until they are as soft as those of the photos it shall look like.

A kernel is the same for all channels. What a camera does to colours besides is a filter on what
differs from grey: its gain by frequency is that by which the spectra of Cb and Cr differ.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from degrade.audit.closed_loop import NO_GAIN, Gain, mean_gap
from degrade.audit.features import PhotoFeatures
from degrade.audit.spectra import LOW_BANDS
from degrade.audit.two_sample import LEAST_PAIRS
from degrade.errors import InvalidValueError

__all__ = ["LEAST_GAIN", "colour_gap", "has_colours"]

LEAST_GAIN = -3.0
"""Of a filter's amplitude a twentieth is left. Phones leave no more of fine colours; below it what
clipping and rounding of LR add is more than what is left."""

_LEAST_POWER = 1.0
"""Squared grey levels at low frequencies: what has less is grey, and tells nothing of colours."""


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
