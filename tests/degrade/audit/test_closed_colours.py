"""Colours corrected by spectra: a planted softness is found again, and grey photos tell nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from degrade.arrays import round_to_u8
from degrade.audit.closed_colours import colour_gap, has_colours
from degrade.audit.closed_loop import NO_GAIN, next_gain
from degrade.audit.features import PhotoFeatures, measure_features
from degrade.audit.gain_taps import taps_of_gain
from degrade.audit.spectra import BAND_FREQUENCIES
from degrade.audit.two_sample import LEAST_PAIRS
from degrade.degradation.even_filters import response_along_axes
from degrade.degradation.steps import ColourResponse, StepInputs
from degrade.errors import InvalidValueError
from tests.degrade.audit.scenes import make_scene
from tests.making import PoolInHand

_DIP = -0.8 * np.exp(-np.square((BAND_FREQUENCIES - 0.2) / 0.08))


def test_the_loop_finds_planted_colours_from_other_scenes() -> None:
    """Within 1.5 dB up to 0.4 cycles per pixel, from a start 7 dB off."""
    planted = taps_of_gain(_DIP)
    photos = [_photo(f"photo {number}", planted) for number in range(24)]
    gain = NO_GAIN
    for _ in range(2):
        made = [_photo(f"hr {number}", taps_of_gain(gain)) for number in range(24)]
        gain = next_gain(gain, colour_gap(photos, made), 1.0)
    off = np.log(response_along_axes(taps_of_gain(gain), BAND_FREQUENCIES[2:20])) - _DIP[2:20]
    assert 20 / np.log(10) * np.abs(off).max() < 1.5


def test_grey_photos_tell_nothing() -> None:
    scene = round_to_u8(make_scene("one"))
    coloured = measure_features(scene)
    grey = measure_features(np.repeat(scene[..., :1], 3, axis=2))
    softer = replace(coloured, colour_spectrum=coloured.colour_spectrum + _DIP)
    assert not colour_gap([grey, coloured] * LEAST_PAIRS, [softer, grey] * LEAST_PAIRS).any()
    alone = colour_gap([softer] * LEAST_PAIRS, [coloured] * LEAST_PAIRS)
    photos = [grey, *[softer] * LEAST_PAIRS, softer]
    lr = [*[coloured] * (1 + LEAST_PAIRS), grey]
    assert alone.any() and np.array_equal(colour_gap(photos, lr), alone)
    assert has_colours(softer) and not has_colours(grey)
    assert not colour_gap(photos[:-2], lr[:-2]).any(), "of too few it is their scenes'"
    with pytest.raises(InvalidValueError, match="as many photos as LR"):
        colour_gap([coloured], [])


def _photo(name: str, taps: tuple[int, ...]) -> PhotoFeatures:
    levels = ColourResponse(taps).apply(make_scene(name), StepInputs(PoolInHand()))
    return measure_features(round_to_u8(np.clip(levels, 0, 255)))
