"""What a pool remembers of a kernel's estimate, and the words for how far to trust it.

Two words, each for one thing, wherever kernels are shown: a kernel is *doubtful* when its
confidence is below :data:`DOUBTFUL`; it is *flagged* with what is wrong with its photo, or with the
estimation, whatever the confidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import cast, get_args

from degrade.kernels import BlurKernel, kernel_sigmas
from degrade.kernels.estimates import KernelEstimate, Verdict
from degrade.pool.records import MeasurementRecord, Provenance

__all__ = [
    "DOUBTFUL",
    "DOUBTFUL_MEANS",
    "FLAGGED_MEANS",
    "confidence_text",
    "estimate_from",
    "flags_of",
    "is_doubtful",
    "marks_of",
    "sigma_text",
    "values_of",
]

DOUBTFUL = 0.5
"""A kernel of less confidence is rather wrong than right, and called doubtful."""

DOUBTFUL_MEANS = f"doubtful: confidence below {DOUBTFUL:g}, rather wrong than right"
FLAGGED_MEANS = "flagged: something is wrong with the photo or the estimate, as written"

_NOT_SETTLED = "not settled"


def values_of(estimate: KernelEstimate) -> dict[str, float]:
    """Return what a pool keeps as the values of an estimate."""
    return {
        **estimate.statistics,
        "confidence": estimate.confidence,
        "expected_kpsnr": estimate.expected_kpsnr,
    }


def flags_of(estimate: KernelEstimate) -> tuple[str, ...]:
    """Return what an estimate is flagged with; so does a pool."""
    return (*estimate.verdicts, *(() if estimate.settled else (_NOT_SETTLED,)))


def is_doubtful(known: KernelEstimate | Provenance) -> bool:
    """Return whether a kernel's confidence is low; one of unknown confidence is not doubtful."""
    if isinstance(known, Provenance):
        return known.values.get("confidence", 1.0) < DOUBTFUL
    return known.confidence < DOUBTFUL


def estimate_from(kernel: BlurKernel, record: MeasurementRecord) -> KernelEstimate | None:
    """Return the estimate that a pool remembers; None when it was none."""
    statistics = dict(record.values)
    expected = statistics.pop("expected_kpsnr", None)
    numbers = [expected, *statistics.values()]
    if record.confidence is None or not all(type(number) in (int, float) for number in numbers):
        return None
    verdicts = tuple(cast(Verdict, flag) for flag in record.flags if flag in get_args(Verdict))
    return KernelEstimate(
        kernel=kernel,
        method=str(record.settings.get("method", "other")),
        expected_kpsnr=float(cast(float, expected)),
        confidence=record.confidence,
        seconds=0.0,
        verdicts=verdicts,
        settled=_NOT_SETTLED not in record.flags,
        statistics=statistics,
    )


def marks_of(doubtful: bool, flags: Sequence[str]) -> list[str]:
    """Return the words that mark a kernel in a list."""
    flagged = [f"flagged: {', '.join(flags)}"] if flags else []
    return ["doubtful", *flagged] if doubtful else flagged


def sigma_text(kernel: BlurKernel) -> str:
    """Return a kernel's smallest and largest standard deviation in HR pixels."""
    wide, narrow = kernel_sigmas(kernel.weights)
    return f"{narrow:.2f}…{wide:.2f}"


def confidence_text(confidence: float) -> str:
    """Return two decimals, cut and not rounded: 0.4999 must not look like the 0.5 it misses."""
    return f"{floor(confidence * 100) / 100:.2f}"
