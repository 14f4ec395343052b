"""What an estimator hands out: a kernel, how far to trust it, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import erf, log10, sqrt
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray
from degrade.errors import DegradeError, InvalidValueError
from degrade.kernels.kernel import BlurKernel, crop_or_pad_kernel, repair_kernel

__all__ = [
    "GOOD_WIDTH",
    "KPSNR_TAPS",
    "SPECTRAL",
    "KernelEstimate",
    "SharedEstimate",
    "UnsuitablePhotoError",
    "Verdict",
    "confidence_of",
    "error_energy",
    "expected_width_error",
    "good_kpsnr",
    "kpsnr_of",
    "least_kpsnr",
    "share_estimates",
]

SPECTRAL: Final = "spectral"
"""The method of kernels that :func:`degrade.spectral.estimate_kernel` finds."""

GOOD_WIDTH = 0.2
"""A kernel no further off than a Gaussian whose width is wrong by this share is worth using."""

_LIMIT = 6.0
"""dB: nine kernels in ten reach so much less than what is expected of them, or more; as measured on
held-out photos, clean and noisy ones, at ×2 and ×4."""

Verdict = Literal["too smooth", "too noisy", "clipped", "already upscaled", "of an unknown kind"]

KPSNR_TAPS = 121
"""By how much the sum of squared differences is divided in a kernel PSNR, whatever the kernel's
size: the taps of the field's ×2 kernels, 11×11."""

_OUTLIER = 3.0


class UnsuitablePhotoError(DegradeError):
    """A photo from which no kernel can be estimated.

    Parameters
    ----------
    key : str
        The photo.
    reason : str
        What is wrong, with the numbers.
    remedy : str
        What to do.
    """

    def __init__(self, key: str, reason: str, remedy: str) -> None:
        super().__init__(key, reason, remedy)
        self.key = key
        self.reason = reason
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.key}: {self.reason}; {self.remedy}"


@dataclass(frozen=True, slots=True, eq=False)
class KernelEstimate:
    """A kernel and how far to trust it.

    Attributes
    ----------
    kernel : BlurKernel
    method : str
        ``spectral``, ``kernelgan``, or ``other`` for a kernel that was only assessed.
    expected_kpsnr : float
        The kernel PSNR to expect, dB.
    confidence : float
        The probability that the kernel is as near to the truth as :data:`GOOD_WIDTH` says, in
        [0, 1].
    seconds : float
        Wall time.
    verdicts : tuple of str
        What is wrong with the photo; empty when nothing is.
    settled : bool
        False when an iterative method was still moving at its end.
    statistics : dict of str to float
        What the method wants to be remembered.
    """

    kernel: BlurKernel
    method: str
    expected_kpsnr: float
    confidence: float
    seconds: float
    verdicts: tuple[Verdict, ...] = ()
    settled: bool = True
    statistics: dict[str, float] = field(default_factory=dict)


def confidence_of(expected_kpsnr: float, weights: AnyArray, spread: float) -> float:
    """Return the probability that a kernel is near enough, if kernel PSNRs are normal around it.

    Parameters
    ----------
    expected_kpsnr, spread : float
        Mean and standard deviation, dB.
    weights : (K, K) array
        The kernel.
    """
    return 0.5 * (1 + erf((expected_kpsnr - good_kpsnr(weights)) / (spread * sqrt(2))))


def good_kpsnr(weights: AnyArray) -> float:
    """Return the kernel PSNR of an estimate that is as far off as :data:`GOOD_WIDTH` says, dB.

    What counts is the error relative to the kernel, so sharp and blurred photos are judged alike: a
    Gaussian whose width is wrong by a share w differs, to first order, by 2 w² of its energy.
    """
    energy = float(np.square(np.asarray(weights, np.float64)).sum())
    return kpsnr_of(2 * GOOD_WIDTH**2 * energy)


def least_kpsnr(expected_kpsnr: float) -> float:
    """Return the kernel PSNR that nine kernels in ten reach of which so much is expected, dB."""
    return expected_kpsnr - _LIMIT


def error_energy(kpsnr: float) -> float:
    """Return the sum of squared differences that a kernel PSNR stands for."""
    # A file may say anything; beyond this no two kernels differ.
    return float(KPSNR_TAPS * 10 ** (-max(kpsnr, -100.0) / 10))


def kpsnr_of(energy: float) -> float:
    """Do the reverse of :func:`error_energy`."""
    return -10 * log10(energy / KPSNR_TAPS)


def expected_width_error(weights: AnyArray, kpsnr: float) -> float:
    """Return by which share the width of a kernel is off, if its whole error is one of width.

    A kernel PSNR favours wide kernels, whose taps are small; this does not. A Gaussian's squared
    derivative by the logarithm of its width sums to twice its own squares.

    Parameters
    ----------
    weights : (K, K) array
    kpsnr : float
        That is expected of it, dB.
    """
    energy = float(np.square(np.asarray(weights, np.float64)).sum())
    return sqrt(error_energy(kpsnr) / (2 * energy))


@dataclass(frozen=True, slots=True, eq=False)
class SharedEstimate:
    """One kernel for several photos of one camera.

    Attributes
    ----------
    estimate : KernelEstimate
        Of the photos that agree, taken together.
    outliers : tuple of int
        Which estimates were left out: they lie further from the others than their own doubt
        explains.
    """

    estimate: KernelEstimate
    outliers: tuple[int, ...]


def share_estimates(
    estimates: Sequence[KernelEstimate], *, spread: float, source: str = ""
) -> SharedEstimate:
    """Take the estimates of several photos of one camera together.

    Kernels are averaged with the weights of their expected precision. The one that lies furthest
    from the others' mean, by its own expected error, is left out when that is more than three
    times the expected squared distance, and so on while at least half of the photos remain.

    Half of a photo's error is taken to be its own, so that more photos help, and half common to
    all: photos of one camera are sharpened alike, which no number of them tells.

    Parameters
    ----------
    estimates : sequence of KernelEstimate
        At least two, all of one scale.
    spread : float
        dB; the standard deviation of real around expected kPSNR.
    source : str
        For :attr:`BlurKernel.source`.

    Raises
    ------
    InvalidValueError
        There are fewer than two estimates, or their scales differ.
    """
    scales = {estimate.kernel.scale for estimate in estimates}
    if len(estimates) < 2 or len(scales) != 1:
        raise InvalidValueError(
            f"a shared kernel needs at least two photos of one scale, got {len(estimates)} "
            f"of scales {sorted(scales)}"
        )
    side = max(estimate.kernel.size for estimate in estimates)
    kernels = np.array([crop_or_pad_kernel(e.kernel.weights, side) for e in estimates], np.float64)
    energies = np.array([error_energy(estimate.expected_kpsnr) for estimate in estimates])
    kept = _without_outliers(kernels, energies)
    weights = (1 / energies) * kept / ((1 / energies) * kept).sum()
    alone, together = (weights * energies).sum(), 1 / (1 / energies[kept]).sum()
    expected = kpsnr_of(float(alone + together) / 2)
    kernel, _ = repair_kernel(np.tensordot(weights, kernels, axes=1), scales.pop(), source)
    shared = KernelEstimate(
        kernel=kernel,
        method=estimates[0].method,
        expected_kpsnr=expected,
        confidence=confidence_of(expected, kernel.weights, spread),
        seconds=sum(estimate.seconds for estimate in estimates),
        settled=all(e.settled for e, keep in zip(estimates, kept, strict=True) if keep),
        statistics={"photos": float(kept.sum()), "outliers": float((~kept).sum())},
    )
    return SharedEstimate(shared, tuple(int(index) for index in np.flatnonzero(~kept)))


def _without_outliers(
    kernels: npt.NDArray[np.float64], energies: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    """Return which kernels to keep; see :func:`share_estimates`."""
    kept = np.ones(len(kernels), dtype=bool)
    while kept.sum() > max(len(kernels) / 2, 2):
        weights = kept / energies
        sums = np.tensordot(weights, kernels, axes=1)
        others = weights.sum() - weights
        means = (sums - weights[:, None, None] * kernels) / others[:, None, None]
        excess = np.square(kernels - means).sum(axis=(1, 2)) / (energies + 1 / others)
        excess[~kept] = 0
        worst = int(excess.argmax())
        if excess[worst] <= _OUTLIER:
            break
        kept[worst] = False
    return kept
