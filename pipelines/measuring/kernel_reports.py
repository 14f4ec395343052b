"""What is said of estimated kernels: their lines, and what to do about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from degrade.errors import printable
from degrade.kernels.estimates import KernelEstimate, SharedEstimate, Verdict
from degrade.kernels.metrics import kernel_psnr
from degrade.pool.kernel_estimates import (
    DOUBTFUL,
    confidence_text,
    flags_of,
    is_doubtful,
    marks_of,
    sigma_text,
)
from degrade.wording import counted

__all__ = [
    "describe_kernel",
    "describe_outliers",
    "describe_together",
    "reason_against",
    "remedy_for",
]

_MANY_OUTLIERS = 0.25
_REMEDIES: dict[Verdict, str] = {
    "too smooth": "use a photo with sharp detail",
    "too noisy": "use a photo taken in more light",
    "clipped": "use a photo with fewer black and white pixels",
    "already upscaled": "use the photo as the camera made it, not enlarged",
}


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
        line += "; not settled: try more `iterations`, or another `seed` to compare"
    return line


def describe_together(estimates: Sequence[KernelEstimate]) -> list[str]:
    """Return lines that say how many of a run's kernels are doubtful, and how many are flagged."""
    lines, of_all = [], f"of {counted(len(estimates), 'kernel')}"
    doubtful = sum(map(is_doubtful, estimates))
    if doubtful:
        lines.append(
            f"doubtful (confidence below {DOUBTFUL:g}): {doubtful} {of_all}; "
            f"`min_confidence={DOUBTFUL:g}` keeps such kernels out of a new pool"
        )
    flags = Counter(flag for estimate in estimates for flag in flags_of(estimate))
    if flags:
        flagged = sum(bool(flags_of(estimate)) for estimate in estimates)
        reasons = ", ".join(f"{flag} {count}" for flag, count in flags.most_common())
        lines.append(f"flagged ({reasons}): {flagged} {of_all}; look at these, or use other photos")
    return lines


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
    return f"{' and '.join(advice) or 'use a sharper photo'}, or a lower `min_confidence`"


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
            "too many for one camera, lens and sharpening; leave `shared` out, or sort the photos"
        )
    return lines
