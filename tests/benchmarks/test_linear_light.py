"""The benchmark that asks real pairs whether light adds up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.downstream.real_pairs import RealPair
from benchmarks.linear_light import sums_of, table
from degrade.arrays import round_to_u8
from degrade.degradation.steps import LinearLight, StepInputs
from degrade.resample import imresize
from tests.making import PoolInHand, make_scene


@pytest.mark.parametrize("gain", [0.0, 0.4])
def test_a_planted_gain_is_found(gain: float) -> None:
    sums = []
    for number in range(3):
        hr = round_to_u8(make_scene(f"light {number}", 256, 256) * np.float32(255))
        small = imresize(hr.astype(np.float32), 1 / 4)
        lr = LinearLight(gain).apply(small, StepInputs(PoolInHand()))
        sums.append(sums_of(RealPair(Path("a_LR.png"), round_to_u8(lr), hr)))
    mean = np.mean(sums, axis=0)
    assert mean[0, 1] / mean[0, 0] == pytest.approx(gain, abs=0.03)
    first, _, row = table({"one": sums, "two": sums})[:3]
    assert "brighter in" in first and f"| one | 3 | {mean[0, 1] / mean[0, 0]:.2f} |" in row
