"""Kernels corrected until LR has the spectrum of the photos that it shall look like.

What a kernel does to power is seen in spectra of other scenes; its phase is not. So a correction is
a gain by frequency: it changes how much of each frequency a kernel keeps, and leaves the rest to
the estimate that it begins with. It is the same in all directions, unless it is given turns, as
:mod:`degrade.audit.directions` finds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from degrade.audit.features import PhotoFeatures
from degrade.audit.spectra import BAND_COUNT, BAND_FREQUENCIES, LOW_BANDS, TURN_COUNT, turn_waves
from degrade.degradation.downsampling import integer_taps, without_margin
from degrade.errors import InvalidValueError
from degrade.kernels import PHASE_TOLERANCE, BlurKernel, repair_kernel
from degrade.kernels.kernel import least_centre_error

__all__ = [
    "FIXED_BANDS",
    "MOST_GAIN",
    "NO_GAIN",
    "NO_TURNS",
    "Gain",
    "Turns",
    "corrected_kernel",
    "gap_doubt",
    "kernel_response",
    "mean_gap",
    "mean_response",
    "next_gain",
    "spectral_gap",
    "with_gain",
]

Gain: TypeAlias = npt.NDArray[np.float64]
"""(24,) natural logarithms of amplitude, at the bands of :mod:`degrade.audit.spectra`."""

NO_GAIN: Gain = np.zeros(BAND_COUNT)

Turns: TypeAlias = npt.NDArray[np.float64]
"""(3, 24) natural logarithms of amplitude: how a gain changes with direction, in each band by so
much of each of :func:`degrade.audit.spectra.turn_waves`."""

NO_TURNS: Turns = np.zeros((TURN_COUNT, BAND_COUNT))

FIXED_BANDS = 2
"""Bands that are not corrected: scenes differ there, cameras do not."""

MOST_GAIN = 1.5
_REACH = 5
"""LR pixels to each side that a corrected kernel has."""

_WITHIN = 0.6 * PHASE_TOLERANCE
_CENTRINGS = 12
"""How often a kernel is centred and rounded at most. Of 8,000 random kernels rounding moved the
centre of 36 too far: ten were well after a second centring, 22 after more, and of the other four
one lobe is as good a centre as another."""

_GRID = 32
"""LR pixels along a side of the grid on which spectra of kernels are taken."""


def spectral_gap(photos: Sequence[PhotoFeatures], lr: Sequence[PhotoFeatures]) -> Gain:
    """Return by how much more amplitude photos have than LR, band by band.

    Both are taken relative to their low frequencies.

    Parameters
    ----------
    photos, lr : sequences of PhotoFeatures
        At least one each; element i of the one is matched with element i of the other.

    Raises
    ------
    InvalidValueError
        They differ in number, or there are none.
    """
    if not photos or len(photos) != len(lr):
        raise InvalidValueError(f"as many photos as LR are needed, got {len(photos)}, {len(lr)}")
    return mean_gap([a.spectrum - b.spectrum for a, b in zip(photos, lr, strict=True)])


def mean_gap(differences: Sequence[Gain]) -> Gain:
    """Return the mean of differences of spectra, as amplitude relative to low frequencies.

    Parameters
    ----------
    differences : sequence of (24,) float64 array
        At least one, of logarithms of power.
    """
    gap = np.mean(differences, axis=0)
    gap = (gap - gap[LOW_BANDS].mean()) / 2
    gap[:FIXED_BANDS] = 0
    return np.asarray(gap, np.float64)


def gap_doubt(photos: Sequence[PhotoFeatures], lr: Sequence[PhotoFeatures]) -> Gain:
    """Return the standard error of :func:`spectral_gap`: scenes differ, whatever the camera does.

    Parameters
    ----------
    photos, lr : sequences of PhotoFeatures
        At least two each; element i of the one is matched with element i of the other.

    Raises
    ------
    InvalidValueError
        They differ in number, or are fewer than two.
    """
    if len(photos) < 2 or len(photos) != len(lr):
        raise InvalidValueError(
            f"as many photos as LR, two at least, are needed, got {len(photos)}, {len(lr)}"
        )
    gaps = [mean_gap([a.spectrum - b.spectrum]) for a, b in zip(photos, lr, strict=True)]
    return np.asarray(np.std(gaps, axis=0, ddof=1) / np.sqrt(len(gaps)))


def next_gain(gain: Gain, gap: Gain, step: float, *, least: float = -MOST_GAIN) -> Gain:
    """Return the gain of the next round: so much of the gap more, smoothed over three bands.

    It is at least ``least``, and at most :data:`MOST_GAIN`.
    """
    around = np.pad(gap, 1, mode="edge")
    smooth = around[:-2] / 4 + around[1:-1] / 2 + around[2:] / 4
    smooth[:FIXED_BANDS] = 0
    return np.asarray(np.clip(gain + step * smooth, least, MOST_GAIN))


def with_gain(kernel: BlurKernel, gain: Gain, turns: Turns = NO_TURNS) -> BlurKernel:
    """Return a kernel that keeps more, or less, of each frequency.

    Its phase stays. Above LR's Nyquist frequency the gain is that of the last band.

    Parameters
    ----------
    kernel : BlurKernel
    gain : (24,) float64 array
        In all directions.
    turns : (3, 24) float64 array
        How the gain differs from it by direction.

    Returns
    -------
    BlurKernel
        Of taps that are whole fractions of a power of two, as they are applied, and without margins
        of zeros; negative lobes as they come.
    """
    scale = float(kernel.scale)
    half = max(round(_REACH * scale), kernel.size // 2)
    side = max(round(_GRID * scale), 2 * half + kernel.size)
    spectrum = np.fft.rfft2(kernel.weights.astype(np.float64), (side, side))
    distances = _distances(side, scale)
    wanted = np.interp(distances, BAND_FREQUENCIES, gain)
    if turns.any():
        for wave, turn in zip(turn_waves(*_frequencies(side)), turns, strict=True):
            wanted += wave * np.interp(distances, BAND_FREQUENCIES, turn)
    spectrum *= np.exp(wanted)
    spectrum /= spectrum[0, 0].real
    corrected = np.fft.irfft2(spectrum, (side, side))
    # The filter reaches to both sides: its kernel begins before the old one.
    before = half - kernel.size // 2
    corrected = np.roll(corrected, (before, before), (0, 1))[: 2 * half + 1, : 2 * half + 1]
    return _of_whole_taps(corrected / corrected.sum(), kernel)


def corrected_kernel(kernel: BlurKernel, gain: Gain, turns: Turns = NO_TURNS) -> BlurKernel:
    """Return :func:`with_gain`'s kernel, or the very one that was given where there is none.

    Lobes that nearly cancel leave some kernels no centre when they are given much gain.
    """
    try:
        return with_gain(kernel, gain, turns)
    except InvalidValueError:
        return kernel


def _of_whole_taps(weights: npt.NDArray[np.float64], kernel: BlurKernel) -> BlurKernel:
    # What was cut off has moved it a little.
    centred, _ = repair_kernel(weights, kernel.scale, kernel.source, within=_WITHIN)
    exact = centred.weights.astype(np.float64)
    for _ in range(_CENTRINGS):
        taps, unit = integer_taps(exact)
        taps = without_margin(taps)
        try:
            return BlurKernel((taps / unit).astype(np.float32), kernel.scale, kernel.source)
        except InvalidValueError as error:
            last = error
        # Rounding moves the centre, too: of a kernel with large lobes by more than is allowed, and
        # after each centring by another distance.
        moved = least_centre_error(taps / unit, kernel.scale)
        exact = scipy.ndimage.shift(np.pad(exact, 1), -moved, order=3)
        exact /= exact.sum()
    raise last


def kernel_response(kernel: BlurKernel) -> Gain:
    """Return which share of the amplitude a kernel keeps, band by band: mean over directions."""
    scale = float(kernel.scale)
    side = max(round(_GRID * scale), kernel.size)
    amplitude = np.abs(np.fft.rfft2(kernel.weights.astype(np.float64), (side, side)))
    distances = _distances(side, scale)
    bands = (distances * 2 * BAND_COUNT).astype(np.int64)
    inside = bands < BAND_COUNT
    count = np.bincount(bands[inside], minlength=BAND_COUNT)
    total = np.bincount(bands[inside], amplitude[inside], minlength=BAND_COUNT)
    return np.asarray(total / np.maximum(count, 1))


def mean_response(kernels: Sequence[BlurKernel]) -> Gain:
    """Return the mean of :func:`kernel_response` of kernels, one at least."""
    return np.asarray(np.mean([kernel_response(kernel) for kernel in kernels], axis=0))


def _distances(side: int, scale: float) -> npt.NDArray[np.float64]:
    """Return the distances of frequencies from 0, in cycles per LR pixel."""
    return np.asarray(np.hypot(*_frequencies(side)) * scale)


def _frequencies(side: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    down, right = np.meshgrid(np.fft.fftfreq(side), np.fft.rfftfreq(side), indexing="ij")
    return down, right
