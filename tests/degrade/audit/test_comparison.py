"""The verdict on two sets, in one sentence."""

from __future__ import annotations

import pytest

from degrade.audit.comparison import Comparison
from degrade.audit.two_sample import TwoSampleResult, null_half_width


def _verdict(pairs: int, auc: float, half: float, p_value: float) -> str:
    interval = (round(auc - half, 2), round(auc + half, 2))
    result = TwoSampleResult(pairs, auc, interval, p_value, null_half_width(pairs, pairs))
    return Comparison((pairs, pairs), pairs, result, ()).verdict


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        pytest.param(
            (17, 0.18, 0.14, 1.0),
            "too few photos for a verdict: AUC 0.18 [0.04, 0.32] (below 0.5: a guess), and with 17 "
            "photos of each chance alone moves it by ±0.20; ±0.10 takes 65",
            id="few, and alike",
        ),
        pytest.param(
            (17, 0.95, 0.04, 0.01), "told apart: AUC 0.95 [0.91, 0.99], by 17 photos of each"
        ),
        pytest.param(
            (80, 0.4, 0.09, 0.9),
            "not told apart: AUC 0.40 [0.31, 0.49] (below 0.5: a guess), by 80 photos of each",
            id="alike",
        ),
        pytest.param(
            (80, 0.52, 0.09, 0.3),
            "not told apart: AUC 0.52 [0.43, 0.61], by 80 photos of each; up to 0.61 is possible",
        ),
    ],
)
def test_the_verdict_says_what_the_area_is_worth(
    found: tuple[int, float, float, float], verdict: str
) -> None:
    assert _verdict(*found) == verdict
