from __future__ import annotations

import hashlib
from math import pi
from typing import Any

import numpy as np
import pytest

from degrade.degradation.steps import Sinc, SincSettings, read_step
from degrade.errors import CorruptDataError, InvalidValueError
from tests.degrade.degradation.steps.chains import GIVEN, draw_many, make_levels


@pytest.mark.parametrize("cutoff", [pi / 3, pi / 2])
def test_sinc_passes_below_its_cutoff_only(cutoff: float) -> None:
    weights = Sinc(round(cutoff, 6), 101).weights()
    response = np.abs(np.fft.fft2(weights / weights.sum(), (256, 256)))[0, :129]
    below, above = int(128 * cutoff / pi * 0.8), int(128 * cutoff / pi * 1.2)
    assert np.abs(response[:below] - 1).max() < 0.15
    assert response[above:].max() < 0.15


def test_sinc_rings_at_edges() -> None:
    step = np.zeros((40, 40, 3), np.float32)
    step[:, 20:] = 100
    ringing = Sinc(pi / 3, 21).apply(step, GIVEN)[20, :, 0]
    assert ringing.max() > 105 and ringing.min() < -5
    assert ringing[0] == pytest.approx(0, abs=2) and ringing[-1] == pytest.approx(100, abs=2)


def test_apply_gives_the_same_bits_everywhere() -> None:
    filtered = Sinc(1.5, 13).apply(make_levels(30, 40), GIVEN)
    digest = hashlib.sha256(filtered.astype("<f4").tobytes()).hexdigest()[:16]
    assert digest == "601a281781aa413d"


def test_draw_stays_within_the_settings() -> None:
    drawn: Any = draw_many(SincSettings((1.0, 2.0), (7, 11)))
    assert {step.size for step in drawn} == {7, 9, 11}
    assert all(1 <= step.cutoff <= 2 and read_step(step.to_json()) == step for step in drawn)


def test_other_settings_and_steps_are_refused() -> None:
    for wrong in ({"cutoff": (2.0, 1.0)}, {"cutoff": (0.0, 1.0)}, {"sizes": (6, 8)}):
        with pytest.raises(InvalidValueError, match=next(iter(wrong))):
            SincSettings(**wrong)  # type: ignore[arg-type]
    for change in ({"cutoff": 4.0}, {"size": 12}, {"cutoff": float("nan")}):
        with pytest.raises((CorruptDataError, InvalidValueError)):
            read_step({**Sinc(1.0, 7).to_json(), **change})
