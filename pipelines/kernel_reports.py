"""What is said and remembered of a kernel: its line, how far to trust it, what to do about it."""

from __future__ import annotations

from math import floor

from degrade.errors import printable
from degrade.estimates import KernelEstimate, Verdict
from degrade.kernels import kernel_sigmas
from degrade.pool import Provenance

__all__ = [
    "DOUBTFUL",
    "confidence_text",
    "describe_kernel",
    "doubts_of",
    "is_doubtful",
    "notes_of",
    "reason_against",
    "remedy_for",
    "statistics_of",
]

DOUBTFUL = 0.5
"""A kernel of less confidence is rather wrong than right, and marked wherever it is shown."""

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


def notes_of(estimate: KernelEstimate) -> tuple[str, ...]:
    """Return what a pool keeps as the notes of an estimate: all that speaks against it."""
    return (*estimate.verdicts, *(() if estimate.settled else (_NOT_SETTLED,)))


def doubts_of(provenance: Provenance) -> tuple[str, ...]:
    """Return why a kernel is doubtful; empty when it is not, or when nothing is known of it."""
    confidence = provenance.statistics.get("confidence", 1.0)
    low = (f"confidence {confidence_text(confidence)}",) if confidence < DOUBTFUL else ()
    return (*low, *provenance.notes)


def is_doubtful(estimate: KernelEstimate) -> bool:
    """Return whether :func:`doubts_of` will find anything in what is kept of an estimate."""
    return estimate.confidence < DOUBTFUL or bool(notes_of(estimate))


def describe_kernel(name: str, estimate: KernelEstimate) -> str:
    """Return the line of a report about one kernel."""
    kernel, seconds = estimate.kernel, estimate.seconds
    wide, narrow = kernel_sigmas(kernel.weights)
    time = f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"
    line = (
        f"{printable(name)}: ×{kernel.scale}, {kernel.size}×{kernel.size} taps, "
        f"sigma {narrow:.2f}…{wide:.2f} HR px, confidence {confidence_text(estimate.confidence)} "
        f"({estimate.expected_kpsnr:.1f} dB expected), {time}"
    )
    if is_doubtful(estimate):
        line += "; ".join(["; doubtful", *estimate.verdicts])
    if not estimate.settled:
        line += "; not settled: try more --iterations, or another --seed to compare"
    return line


def confidence_text(confidence: float) -> str:
    """Return two decimals, cut and not rounded: 0.4999 must not look like the 0.5 it misses."""
    return f"{floor(confidence * 100) / 100:.2f}"


def reason_against(estimate: KernelEstimate, min_confidence: float) -> str:
    """Say that an estimate's confidence is too low, and what else is known."""
    known = [f"{estimate.expected_kpsnr:.1f} dB expected", *notes_of(estimate)]
    return (
        f"confidence {confidence_text(estimate.confidence)} is below {min_confidence:g} "
        f"({', '.join(known)})"
    )


def remedy_for(estimate: KernelEstimate) -> str:
    """Say what to do about an estimate of low confidence."""
    advice = [_REMEDIES[verdict] for verdict in estimate.verdicts]
    return f"{' and '.join(advice) or 'use a sharper photo'}, or a lower --min-confidence"
