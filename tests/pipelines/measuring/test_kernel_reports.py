from __future__ import annotations

from dataclasses import replace

import pytest

from degrade.kernels import gaussian_kernel
from degrade.kernels.estimates import KernelEstimate, share_estimates
from pipelines.measuring.kernel_reports import (
    describe_kernel,
    describe_outliers,
    describe_together,
    remedy_for,
)
from tests.making import make_estimate as estimate


@pytest.mark.parametrize(
    ("one", "marks"),
    [
        (estimate(0.5), ""),
        (estimate(0.499), "; doubtful"),
        (estimate(0.9, ("too noisy", "clipped")), "; flagged: too noisy, clipped"),
        (estimate(0.2, ("clipped",)), "; doubtful; flagged: clipped"),
        (estimate(0.9, settled=False), "; not settled: try "),
    ],
)
def test_describe_kernel_ends_with_what_speaks_against_it(one: KernelEstimate, marks: str) -> None:
    assert describe_kernel("a", one).split(" ms")[1].startswith(marks)


def test_describe_together_counts_doubt_and_flags_apart() -> None:
    assert describe_together([estimate(0.9)]) == []
    several = [estimate(0.4, ("clipped",)), estimate(0.9, ("clipped", "too noisy")), estimate(0.9)]
    assert describe_together(several) == [
        "doubtful (confidence below 0.5): 1 of 3 kernels; `min_confidence=0.5` keeps such kernels "
        "out of a new pool",
        "flagged (clipped 2, too noisy 1): 2 of 3 kernels; look at these, or use other photos",
    ]


def test_describe_outliers_warns_when_there_are_many() -> None:
    near, far = gaussian_kernel(13, 2, (1.0, 1.0)), gaussian_kernel(13, 2, (3.0, 2.0))
    kernels = [near, near, near, near, far]
    estimates = [replace(estimate(0.9), kernel=kernel, expected_kpsnr=60.0) for kernel in kernels]
    lines = describe_outliers("abcde", estimates, share_estimates(estimates, spread=3.0))
    assert len(lines) == 1
    assert lines[0].startswith("left out of the shared kernel: e, whose sigma is 1.98…2.7")
    assert float(lines[0].split("it lies ")[1].split()[0]) > 3
    estimates = [*estimates[:3], *[replace(estimates[4], kernel=far)] * 2]
    lines = describe_outliers("abcde", estimates, share_estimates(estimates, spread=3.0))
    assert len(lines) == 3 and lines[-1].startswith("warning: 2 of 5 photos disagree")


def test_describe_kernel_tells_all_there_is() -> None:
    line = describe_kernel("a\n.png", estimate(0.25, ("clipped",), settled=False))
    assert line == (
        "a\\n.png: ×2, 13×13 taps, sigma 1.00…1.50 HR px, confidence 0.25 (44.0 dB expected), "
        "31 ms; doubtful; flagged: clipped; not settled: try more `iterations`, or another `seed` "
        "to compare"
    )


def test_remedy_for_answers_each_verdict() -> None:
    assert remedy_for(estimate(0.1)) == "use a sharper photo, or a lower `min_confidence`"
    both = remedy_for(estimate(0.1, ("too noisy", "already upscaled")))
    assert "more light" in both and "not enlarged" in both
