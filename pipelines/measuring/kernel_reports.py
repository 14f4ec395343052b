"""What is said and remembered of a kernel: its line, how far to trust it, what to do about it.

Two words, each for one thing, wherever kernels are shown: a kernel is *doubtful* when its
confidence is below :data:`DOUBTFUL`, which ``--min-confidence`` acts on; it is *flagged* with what
is wrong with its photo, or with the estimation, whatever the confidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import floor
from typing import cast, get_args

from degrade.errors import printable
from degrade.kernels import BlurKernel, kernel_sigmas
from degrade.kernels.estimates import KernelEstimate, SharedEstimate, Verdict
from degrade.kernels.metrics import kernel_psnr
from degrade.pool import Provenance
from degrade.wording import counted

__all__ = [
    "DOUBTFUL",
    "DOUBTFUL_MEANS",
    "FLAGGED_MEANS",
    "confidence_text",
    "describe_kernel",
    "describe_outliers",
    "describe_together",
    "estimate_from",
    "flags_of",
    "is_doubtful",
    "marks_of",
    "reason_against",
    "remedy_for",
    "sigma_text",
    "statistics_of",
]

DOUBTFUL = 0.5
"""A kernel of less confidence is rather wrong than right, and called doubtful."""

DOUBTFUL_MEANS = f"doubtful: confidence below {DOUBTFUL:g}, rather wrong than right"
FLAGGED_MEANS = "flagged: something is wrong with the photo or the estimate, as written"

_MANY_OUTLIERS = 0.25
_NOT_SETTLED = "not settled"
_REMEDIES: dict[Verdict, str] = {
    "too smooth": "use a photo with sharp detail",
    "too noisy": "use a photo taken in more light",
    "clipped": "use a photo with fewer black and white pixels",
    "already upscaled": "use the photo as the camera made it, not enlarged",
}


def statistics_of(estimate: KernelEstimate) -> dict[str, float]:
    """Return what a pool keeps as the statistics of an estimate."""
    return {
        **estimate.statistics,
        "confidence": estimate.confidence,
        "expected_kpsnr": estimate.expected_kpsnr,
    }


def flags_of(estimate: KernelEstimate) -> tuple[str, ...]:
    """Return what an estimate is flagged with; a pool keeps it as the notes."""
    return (*estimate.verdicts, *(() if estimate.settled else (_NOT_SETTLED,)))


def is_doubtful(known: KernelEstimate | Provenance) -> bool:
    """Return whether a kernel's confidence is low; one of unknown confidence is not doubtful."""
    if isinstance(known, Provenance):
        return known.statistics.get("confidence", 1.0) < DOUBTFUL
    return known.confidence < DOUBTFUL


def estimate_from(kernel: BlurKernel, provenance: Provenance) -> KernelEstimate | None:
    """Return the estimate that a pool remembers; None when it was none."""
    statistics = dict(provenance.statistics)
    try:
        confidence, expected = statistics.pop("confidence"), statistics.pop("expected_kpsnr")
    except KeyError:
        return None
    verdicts = tuple(cast(Verdict, n) for n in provenance.notes if n in get_args(Verdict))
    return KernelEstimate(
        kernel=kernel,
        method=provenance.method,
        expected_kpsnr=expected,
        confidence=confidence,
        seconds=0.0,
        verdicts=verdicts,
        settled=_NOT_SETTLED not in provenance.notes,
        statistics=statistics,
    )


def describe_kernel(name: str, estimate: KernelEstimate) -> str:
    """Return the line of a report about one kernel."""
    kernel, seconds = estimate.kernel, estimate.seconds
    time = f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
    line = (
        f"{printable(name)}: ×{kernel.scale}, {kernel.size}×{kernel.size} taps, "
        f"sigma {sigma_text(kernel)} HR px, confidence {confidence_text(estimate.confidence)} "
        f"({estimate.expected_kpsnr:.1f} dB expected), {time}"
    )
    line += "".join(f"; {mark}" for mark in marks_of(is_doubtful(estimate), estimate.verdicts))
    if not estimate.settled:
        line += "; not settled: try more --iterations, or another --seed to compare"
    return line


def marks_of(doubtful: bool, flags: Sequence[str]) -> list[str]:
    """Return the words that mark a kernel in a list."""
    flagged = [f"flagged: {', '.join(flags)}"] if flags else []
    return ["doubtful", *flagged] if doubtful else flagged


def sigma_text(kernel: BlurKernel) -> str:
    """Return a kernel's smallest and largest standard deviation in HR pixels."""
    wide, narrow = kernel_sigmas(kernel.weights)
    return f"{narrow:.2f}…{wide:.2f}"


def describe_together(estimates: Sequence[KernelEstimate]) -> list[str]:
    """Return lines that say how many of a run's kernels are doubtful, and how many are flagged."""
    lines, of_all = [], f"of {counted(len(estimates), 'kernel')}"
    doubtful = sum(map(is_doubtful, estimates))
    if doubtful:
        lines.append(
            f"doubtful (confidence below {DOUBTFUL:g}): {doubtful} {of_all}; "
            f"--min-confidence {DOUBTFUL:g} keeps such kernels out of a new pool"
        )
    flags = Counter(flag for estimate in estimates for flag in flags_of(estimate))
    if flags:
        flagged = sum(bool(flags_of(estimate)) for estimate in estimates)
        reasons = ", ".join(f"{flag} {count}" for flag, count in flags.most_common())
        lines.append(f"flagged ({reasons}): {flagged} {of_all}; look at these, or use other photos")
    return lines


def confidence_text(confidence: float) -> str:
    """Return two decimals, cut and not rounded: 0.4999 must not look like the 0.5 it misses."""
    return f"{floor(confidence * 100) / 100:.2f}"


def reason_against(estimate: KernelEstimate, min_confidence: float) -> str:
    """Say that an estimate's confidence is too low, and what else is known."""
    known = [f"{estimate.expected_kpsnr:.1f} dB expected", *flags_of(estimate)]
    return (
        f"confidence {confidence_text(estimate.confidence)} is below {min_confidence:g} "
        f"({', '.join(known)})"
    )


def remedy_for(estimate: KernelEstimate) -> str:
    """Say what to do about an estimate of low confidence."""
    advice = [_REMEDIES[verdict] for verdict in estimate.verdicts]
    return f"{' and '.join(advice) or 'use a sharper photo'}, or a lower --min-confidence"


def describe_outliers(
    names: Sequence[str], estimates: Sequence[KernelEstimate], shared: SharedEstimate
) -> list[str]:
    """Return a line for each photo that was left out of a shared kernel, and what many mean."""
    lines = []
    for index in shared.outliers:
        own = estimates[index]
        distance = kernel_psnr(own.kernel.weights, shared.estimate.kernel.weights)
        times = 10 ** ((own.expected_kpsnr - distance) / 20)
        lines.append(
            f"left out of the shared kernel: {printable(names[index])}, whose sigma is "
            f"{sigma_text(own.kernel)} HR px; it lies {times:.1f} times as far off as its own "
            "error explains"
        )
    lines.sort()
    if len(shared.outliers) > _MANY_OUTLIERS * len(estimates):
        lines.append(
            f"warning: {len(shared.outliers)} of {len(estimates)} photos disagree with the others, "
            "too many for one camera, lens and sharpening; leave --shared out, or sort the photos"
        )
    return lines
