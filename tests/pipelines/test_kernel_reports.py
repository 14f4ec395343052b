from __future__ import annotations

import pytest

from degrade.estimates import KernelEstimate, Verdict
from degrade.kernels import gaussian_kernel
from degrade.pool import Provenance
from pipelines.kernel_reports import (
    confidence_text,
    describe_kernel,
    doubts_of,
    is_doubtful,
    notes_of,
    remedy_for,
    statistics_of,
)


def estimate(
    confidence: float, verdicts: tuple[Verdict, ...] = (), *, settled: bool = True
) -> KernelEstimate:
    return KernelEstimate(
        kernel=gaussian_kernel(13, 2, (1.5, 1.0)), method="spectral", expected_kpsnr=44.0,
        confidence=confidence, seconds=0.031, verdicts=verdicts, settled=settled,
    )  # fmt: skip


def remembered(one: KernelEstimate) -> Provenance:
    return Provenance(
        source_name="a", source_sha256=None, box=None, method=one.method, settings="{}",
        tool_version="0", statistics=statistics_of(one), notes=notes_of(one),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "doubts"),
    [
        (estimate(0.5), ()),
        (estimate(0.499), ("confidence 0.49",)),
        (estimate(0.9, ("too noisy", "clipped")), ("too noisy", "clipped")),
        (estimate(0.9, settled=False), ("not settled",)),
    ],
)
def test_doubts_of_what_is_remembered_are_those_of_the_estimate(
    one: KernelEstimate, doubts: tuple[str, ...]
) -> None:
    assert doubts_of(remembered(one)) == doubts
    assert is_doubtful(one) == bool(doubts)
    assert ("; doubtful" in describe_kernel("a", one)) == bool(doubts)


def test_doubts_of_a_kernel_that_nobody_judged_are_none() -> None:
    unknown = Provenance(
        source_name="a", source_sha256=None, box=None, method="import", settings="{}",
        tool_version="0",
    )  # fmt: skip
    assert doubts_of(unknown) == ()


@pytest.mark.parametrize(("value", "text"), [(0.49999, "0.49"), (1.0, "1.00"), (0.0, "0.00")])
def test_confidence_text_never_rounds_up(value: float, text: str) -> None:
    assert confidence_text(value) == text


def test_describe_kernel_tells_all_there_is() -> None:
    line = describe_kernel("a\n.png", estimate(0.25, ("clipped",), settled=False))
    assert line == (
        "a\\n.png: ×2, 13×13 taps, sigma 1.00…1.50 HR px, confidence 0.25 (44.0 dB expected), "
        "31 ms; doubtful; clipped; not settled: try more --iterations, or another --seed to compare"
    )


def test_remedy_for_answers_each_verdict() -> None:
    assert remedy_for(estimate(0.1)) == "use a sharper photo, or a lower --min-confidence"
    both = remedy_for(estimate(0.1, ("too noisy", "already upscaled")))
    assert "more light" in both and "not enlarged" in both
