from __future__ import annotations

import numpy as np
import pytest

from degrade.audit.closed_loop import NO_GAIN
from degrade.audit.gain_taps import taps_of_gain
from degrade.audit.spectra import BAND_FREQUENCIES
from degrade.degradation.even_filters import reach_of, response_along_axes
from degrade.degradation.fixed_point import TAP_UNIT

_DIP = -0.8 * np.exp(-np.square((BAND_FREQUENCIES - 0.2) / 0.08))
_SEEN = BAND_FREQUENCIES[2:22]


@pytest.mark.parametrize(("reach", "exact"), [(5, 0.04), (3, 0.15)])
def test_taps_have_the_gain(reach: int, exact: float) -> None:
    taps = taps_of_gain(_DIP, reach)
    assert reach_of(taps) == reach
    assert np.abs(np.log(response_along_axes(taps, _SEEN)) - _DIP[2:22]).max() < exact


def test_no_gain_changes_nothing() -> None:
    taps = taps_of_gain(NO_GAIN)
    assert taps == (TAP_UNIT, *[0] * (len(taps) - 1))
