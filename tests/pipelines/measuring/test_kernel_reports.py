from __future__ import annotations

import json
from dataclasses import replace

import pytest

from degrade.kernels import gaussian_kernel
from degrade.kernels.estimates import KernelEstimate, share_estimates
from pipelines.measuring.kernel_reports import (
    describe_kernel,
    facts_together,
    kernel_fact,
    outlier_facts,
    remedy_for,
)
from pipelines.shared.reports import Fact
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


def test_facts_together_count_doubt_and_flags_apart() -> None:
    assert facts_together([estimate(0.9)]) == []
    several = [estimate(0.4, ("clipped",)), estimate(0.9, ("clipped", "too noisy")), estimate(0.9)]
    assert facts_together(several) == [
        Fact(
            "doubtful_kernels",
            "doubtful (confidence below 0.5): 1 of 3 kernels; `min_confidence=0.5` keeps such "
            "kernels out of a new pool",
            {"kernels": 1, "of": 3},
        ),
        Fact(
            "flagged_kernels",
            "flagged (clipped 2, too noisy 1): 2 of 3 kernels; look at these, or use other photos",
            {"kernels": 2, "of": 3, "flags": {"clipped": 2, "too noisy": 1}},
        ),
    ]


def test_facts_together_do_not_depend_on_the_order_of_the_photos() -> None:
    several = [estimate(0.9, ("too noisy",)), estimate(0.9, ("clipped",))]
    assert facts_together(several) == facts_together(several[::-1])
    assert facts_together(several)[0].words.startswith("flagged (clipped 1, too noisy 1): ")


def test_kernel_fact_has_values_for_programs() -> None:
    fact = kernel_fact("a.png", estimate(0.25, ("clipped",), settled=False))
    assert fact.kind == "kernel" and fact.words.startswith("a.png: ×2")
    assert json.loads(json.dumps(fact.values)) == {
        "name": "a.png",
        "scale": 2,
        "size": 13,
        "sigmas": [pytest.approx(1.5, abs=0.01), pytest.approx(1.0, abs=0.01)],
        "confidence": 0.25,
        "expected_kpsnr": 44.0,
        "doubtful": True,
        "flags": ["clipped", "not settled"],
        "notes": [],
        "seconds": pytest.approx(0.031, abs=1e-3),
    }


def test_outlier_facts_warn_when_there_are_many() -> None:
    near, far = gaussian_kernel(13, 2, (1.0, 1.0)), gaussian_kernel(13, 2, (3.0, 2.0))
    kernels = [near, near, near, near, far]
    estimates = [replace(estimate(0.9), kernel=kernel, expected_kpsnr=60.0) for kernel in kernels]
    (fact,) = outlier_facts("abcde", estimates, share_estimates(estimates, spread=3.0))
    assert fact.words.startswith("left out of the shared kernel: e, whose sigma is 1.98…2.7")
    times = fact.values["times_its_error"]
    assert times > 3 and f"it lies {times:.1f} times as far off" in fact.words
    assert (fact.kind, fact.values["name"]) == ("outlier", "e")
    estimates = [*estimates[:3], *[replace(estimates[4], kernel=far)] * 2]
    facts = outlier_facts("abcde", estimates, share_estimates(estimates, spread=3.0))
    assert [fact.kind for fact in facts] == ["outlier", "outlier", "many_outliers"]
    assert facts[-1].words.startswith("warning: 2 of 5 photos disagree")
    assert facts[-1].values == {"photos": 2, "of": 5}


def test_describe_kernel_tells_all_there_is() -> None:
    line = describe_kernel("a\n.png", estimate(0.25, ("clipped",), settled=False))
    assert line == (
        "a\\n.png: ×2, 13×13 taps, sigma 1.00…1.50 HR px, confidence 0.25 (44.0 dB expected), "
        "31 ms; doubtful; flagged: clipped; not settled: try more `iterations`, or another `seed` "
        "to compare"
    )


def test_remedy_for_answers_each_verdict() -> None:
    sharp = replace(estimate(0.1), kernel=gaussian_kernel(13, 2, (1.5, 1.0)))
    blurred = replace(estimate(0.1), kernel=gaussian_kernel(23, 2, (3.0, 2.0)))
    assert remedy_for(sharp).startswith("use a photo with more straight edges, or several of")
    assert remedy_for(blurred).startswith(
        "use a sharper photo, or several of the camera with `shared`"
    )
    both = remedy_for(estimate(0.1, ("too noisy", "already upscaled")))
    assert "more light" in both and "not enlarged" in both
