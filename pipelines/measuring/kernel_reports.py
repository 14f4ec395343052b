"""What is said of estimated kernels: their lines, and what to do about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from degrade.degradation.index import MATCHED
from degrade.errors import printable
from degrade.geometry import Scale, scale_number
from degrade.kernels import BlurKernel, kernel_sigmas
from degrade.kernels.estimates import KernelEstimate, SharedEstimate, Verdict
from degrade.kernels.metrics import kernel_psnr
from degrade.pool import DegradationPool, Provenance
from degrade.pool.camera_kernels import CameraKernels
from degrade.pool.kernel_estimates import (
    DOUBTFUL,
    confidence_text,
    flags_of,
    is_doubtful,
    marks_of,
    sigma_text,
)
from degrade.wording import counted, most_first
from pipelines.shared.reports import Fact

__all__ = [
    "camera_facts_of",
    "describe_kernel",
    "facts_together",
    "kernel_fact",
    "kernel_values",
    "mixed_kernels",
    "outlier_facts",
    "reason_against",
    "remedy_for",
]

_CAMERAS_SHOWN = 4
_MANY_OUTLIERS = 0.25
_BLURRED = 0.8
"""LR pixels: a kernel wider than this is rather the photo's fault than the camera's."""

_REMEDIES: dict[Verdict, str] = {
    "too smooth": "use a photo with sharp detail",
    "too noisy": "use a photo taken in more light",
    "clipped": "use a photo with fewer black and white pixels",
    "already upscaled": "use the photo as the camera made it, not enlarged",
    "of an unknown kind": "use photos as a camera made them: no drawings, no text, nothing resized",
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
    if estimate.method == "spectral":
        line += _network_words(kernel.scale)
    line += "".join(f"; {mark}" for mark in marks_of(is_doubtful(estimate), estimate.verdicts))
    if not estimate.settled:
        line += "; not settled: try more `iterations`, or another `seed` to compare"
    return line


def _network_words(scale: Scale) -> str:
    """Say when the network of another scale read the photo."""
    from degrade.spectral.weights import network_scale  # loads safetensors

    nearest = network_scale(scale)
    return "" if nearest == scale else f"; read by the network of ×{nearest}, the nearest"


def kernel_values(
    name: str,
    kernel: BlurKernel,
    estimate: KernelEstimate | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the values of a fact of the kind ``kernel``.

    Parameters
    ----------
    name : str
        The photo or file that it is of.
    kernel : BlurKernel
    estimate : KernelEstimate or None
        None when it was not estimated, but read from a file.
    notes : sequence of str
        What was decided and mended as it was read.
    """
    return {
        "name": name,
        "scale": scale_number(kernel.scale),
        "size": kernel.size,
        "sigmas": list(kernel_sigmas(kernel.weights)),
        "confidence": None if estimate is None else estimate.confidence,
        "expected_kpsnr": None if estimate is None else estimate.expected_kpsnr,
        "doubtful": estimate is not None and is_doubtful(estimate),
        "flags": [] if estimate is None else list(flags_of(estimate)),
        "notes": list(notes),
        "seconds": None if estimate is None else estimate.seconds,
    }


def kernel_fact(name: str, estimate: KernelEstimate) -> Fact:
    """Return the fact of one kernel: its line and its values."""
    values = kernel_values(name, estimate.kernel, estimate)
    return Fact("kernel", describe_kernel(name, estimate), values)


def facts_together(estimates: Sequence[KernelEstimate]) -> list[Fact]:
    """Return how many of a run's kernels are doubtful, and how many are flagged."""
    facts, of_all = [], f"of {counted(len(estimates), 'kernel')}"
    doubtful = sum(map(is_doubtful, estimates))
    if doubtful:
        words = (
            f"doubtful (confidence below {DOUBTFUL:g}): {doubtful} {of_all}; "
            f"`min_confidence={DOUBTFUL:g}` keeps such kernels out of a new pool"
        )
        facts.append(Fact("doubtful_kernels", words, {"kernels": doubtful, "of": len(estimates)}))
    flags = Counter(flag for estimate in estimates for flag in flags_of(estimate))
    if flags:
        flagged = sum(bool(flags_of(estimate)) for estimate in estimates)
        reasons = ", ".join(f"{flag} {count}" for flag, count in most_first(flags))
        words = f"flagged ({reasons}): {flagged} {of_all}; look at these, or use other photos"
        values = {"kernels": flagged, "of": len(estimates), "flags": dict(most_first(flags))}
        facts.append(Fact("flagged_kernels", words, values))
    return facts


def mixed_kernels(pool: DegradationPool, scale: Scale) -> list[Fact]:
    """Warn where a pool has kernels of regions beside others: of photos, or of other regions."""
    known = (record.provenance for record in pool.kernels if record.scale == scale)
    counts = Counter(_divided(each) for each in known if each.method != MATCHED)
    if len(counts) < 2:
        return []
    each = [f"{count} of {what}" for what, count in most_first(counts)]
    words = (
        f"warning: of its ×{scale} kernels the pool has {', '.join(each)}, and pairs draw from all "
        "of them; for one kind alone give a new `pool`"
    )
    return [Fact("mixed_kernels", words, {"kernels": dict(most_first(counts))})]


def _divided(known: Provenance) -> str:
    if "radius" not in known.values:
        return "whole photos or files"
    match known.settings.get("regions"):
        case [rows, columns]:
            return f"{rows}×{columns} regions"
    return "regions"  # a fingerprint does not tell


def camera_facts_of(cameras: Sequence[CameraKernels]) -> list[Fact]:
    """Return the fact of kernels that have one nearer to those of their camera beside them."""
    if not cameras:
        return []
    kernels = sum(len(each.shares) for each in cameras)
    each = [
        f"{printable(one.camera)} ({len(one.shares)}, {_mean_share(one):.0%} of the way)"
        for one in cameras
    ]
    more = f" and {len(each) - _CAMERAS_SHOWN} more" if len(each) > _CAMERAS_SHOWN else ""
    words = (
        f"{kernels} kernels are also kept nearer to the mean of their camera's, the more the less "
        f"sure they are: {', '.join(each[:_CAMERAS_SHOWN])}{more}; recipes draw each photo's own, "
        "or these where they say so; `camera=none` makes none"
    )
    values = [
        {"camera": one.camera, "photos": len(one.shares), "mean_share": _mean_share(one)}
        for one in cameras
    ]
    return [Fact("camera_kernels", words, {"kernels": kernels, "cameras": values})]


def _mean_share(camera: CameraKernels) -> float:
    return round(sum(camera.shares) / len(camera.shares), 4)


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
    if not advice:
        is_blurred = kernel_sigmas(estimate.kernel.weights)[0] > _BLURRED * estimate.kernel.scale
        better = "a sharper photo" if is_blurred else "a photo with more straight edges"
        advice = [f"use {better}, or several of the camera with `shared`"]
    return f"{' and '.join(advice)}, or a lower `min_confidence`"


def outlier_facts(
    names: Sequence[str], estimates: Sequence[KernelEstimate], shared: SharedEstimate
) -> list[Fact]:
    """Return a fact for each photo that was left out of a shared kernel, and what many mean."""
    facts = []
    for index in shared.outliers:
        own = estimates[index]
        distance = kernel_psnr(own.kernel.weights, shared.estimate.kernel.weights)
        times = 10 ** ((own.expected_kpsnr - distance) / 20)
        words = (
            f"left out of the shared kernel: {printable(names[index])}, whose sigma is "
            f"{sigma_text(own.kernel)} HR px; it lies {times:.1f} times as far off as its own "
            "error explains"
        )
        sigmas = list(kernel_sigmas(own.kernel.weights))
        values = {"name": names[index], "sigmas": sigmas, "times_its_error": times}
        facts.append(Fact("outlier", words, values))
    facts.sort(key=lambda fact: fact.words)
    if len(shared.outliers) > _MANY_OUTLIERS * len(estimates):
        words = (
            f"warning: {len(shared.outliers)} of {len(estimates)} photos disagree with the others, "
            "too many for one camera, lens and sharpening; leave `shared` out, or sort the photos"
        )
        counts = {"photos": len(shared.outliers), "of": len(estimates)}
        facts.append(Fact("many_outliers", words, counts))
    return facts
