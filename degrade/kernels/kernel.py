"""Blur kernels and what they do to an image: pure functions on arrays.

The project's phase rule: a kernel is *correlated* with the HR image, its size K is odd, its
centre lies at K//2 + (scale - 1)/2 in both axes, and the result is sampled ``[::scale]``.
LR pixel p then has its centre at HR coordinate scale·p + (scale - 1)/2, the middle of the HR
block that it covers. A kernel's centre is its centre of mass, or, when it has negative taps, that
of its low frequencies (:func:`kernel_centre`). At scales that are no integers most of these places
lie between HR pixels: :mod:`degrade.kernels.phases` has the kernel's taps there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import AnyArray, FloatArray
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, as_scale, centre_offset

__all__ = [
    "PHASE_TOLERANCE",
    "BlurKernel",
    "centre_of_mass",
    "crop_or_pad_kernel",
    "kernel_centre",
    "kernel_sigmas",
    "least_centre_error",
    "negative_sum",
    "phase_centre",
    "phase_error",
    "repair_kernel",
    "shift_to_phase",
]

_Float64: TypeAlias = npt.NDArray[np.float64]
_PhaseError: TypeAlias = Callable[[AnyArray, Scale], _Float64]

PHASE_TOLERANCE = 0.05
"""How far, in HR pixels, a kernel's centre may lie from where the phase rule puts it."""

_NEGATIVE = 0.15
"""A kernel whose negative taps sum to less of the whole is centred by its mass: so much may come of
resampling alone."""

_LOW_FREQUENCIES = 0.75
"""LR pixels: the deviation of the Gaussian that smooths a kernel until its low frequencies stay."""

_ELONGATED = 2.0
"""A kernel so many times as wide in one direction as in the other is that of motion."""

_APART = 0.3
"""HR pixels: nearer to each other than this, the two centres are one, that of the mass; else it is
told which was taken."""

_SUM_TOLERANCE = 1e-3
_ROUNDING_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class BlurKernel:
    """A blur kernel that follows the phase rule.

    Parameters
    ----------
    weights : (K, K) float32 array
        K odd, at least 3; finite; sums to 1 (stored normalised); may be negative, as the bicubic
        one is. Copied and made read-only.
    scale : Scale
        The downscaling factor that it belongs to, as :func:`degrade.geometry.as_scale` takes it.
    source : str
        Where it came from, for people.

    Raises
    ------
    InvalidValueError
        Any of this does not hold. :func:`repair_kernel` mends what can be mended.
    """

    weights: FloatArray
    scale: Scale
    source: str = ""

    def __post_init__(self) -> None:
        weights = np.array(self.weights, dtype=np.float32, order="C")
        object.__setattr__(self, "scale", as_scale(self.scale))
        _check_square(weights)
        if weights.shape[0] % 2 == 0 or weights.shape[0] < 3:
            raise InvalidValueError(f"weights must be (K, K) with K odd, got {weights.shape}")
        total = float(weights.sum(dtype=np.float64))
        if abs(total - 1) > _SUM_TOLERANCE:
            raise InvalidValueError(f"weights must sum to 1, got {total:.6g}")
        if not _is_small(least_centre_error(weights, self.scale)):
            offset = phase_error(weights, self.scale)
            raise InvalidValueError(
                f"the kernel's centre of mass is off by ({offset[0]:.3f}, {offset[1]:.3f}) HR "
                f"pixels at scale {self.scale}; repair_kernel would centre it"
            )
        # Dividing again by a sum that is 1 up to rounding would change the last bits each time that
        # a kernel is read back.
        if abs(total - 1) > _ROUNDING_TOLERANCE:
            weights /= np.float32(total)
        weights.flags.writeable = False
        object.__setattr__(self, "weights", weights)

    @property
    def size(self) -> int:
        """K, the number of taps along one side."""
        return int(self.weights.shape[0])


def phase_centre(size: int, scale: Scale) -> float:
    """Return where the phase rule puts the centre along one axis."""
    return size // 2 + centre_offset(scale)


def centre_of_mass(weights: AnyArray) -> _Float64:
    """Return the (row, column) centre of mass of a (K, L) array whose sum is not 0."""
    values = np.asarray(weights, dtype=np.float64)
    total = values.sum()
    rows = (values.sum(axis=1) @ np.arange(values.shape[0])) / total
    columns = (values.sum(axis=0) @ np.arange(values.shape[1])) / total
    return np.array([rows, columns])


def negative_sum(weights: AnyArray) -> float:
    """Return what the negative taps of a kernel sum to, as a share of the whole sum, at least 0."""
    values = np.asarray(weights, dtype=np.float64)
    return float(np.maximum(-values, 0).sum() / values.sum())


def kernel_centre(weights: AnyArray, scale: Scale) -> _Float64:
    """Return the (row, column) place at which a kernel's low frequencies have no phase.

    That is the centre of mass, but where taps are negative, as sharpening or a measurement's noise
    make them: there small taps far out move the mass by a pixel and the picture not at all. Then it
    is the maximum of the kernel smoothed by a Gaussian of 0.75 LR pixels, if that lies more than
    0.2 HR pixels from the mass's. Along motion the Gaussian is as wide as the motion.

    Parameters
    ----------
    weights : (K, K) array
        Of a sum above 0.
    scale : Scale
    """
    by_mass = centre_of_mass(weights)
    if negative_sum(weights) < _NEGATIVE:
        return by_mass
    centre = _low_frequency_centre(weights, scale)
    return centre if np.abs(centre - by_mass).max() > _APART else by_mass


def _low_frequency_centre(weights: AnyArray, scale: Scale) -> _Float64:
    values = np.asarray(weights, dtype=np.float64)
    sigma = _LOW_FREQUENCIES * float(scale)
    wide, narrow = kernel_sigmas(values)
    if wide > _ELONGATED * narrow:
        # Sharpening raises both ends of motion: less would find one of them.
        sigma = max(sigma, wide)
    smooth = scipy.ndimage.gaussian_filter(values, sigma, mode="constant")
    centre = np.array(np.unravel_index(smooth.argmax(), smooth.shape), dtype=np.float64)
    for _ in range(20):  # Newton's steps to where the slope is 0
        distances = (np.arange(len(values)) - centre[:, None]) / sigma
        bells = np.exp(-0.5 * distances**2)
        slopes, bends = distances * bells, (distances**2 - 1) * bells
        gradient = np.array([slopes[0] @ values @ bells[1], bells[0] @ values @ slopes[1]])
        mixed = slopes[0] @ values @ slopes[1]
        curvature = np.array(
            [
                [bends[0] @ values @ bells[1], mixed],
                [mixed, bells[0] @ values @ bends[1]],
            ]
        )
        step = -sigma * np.linalg.lstsq(curvature, gradient, rcond=None)[0]
        centre += np.clip(step, -0.5, 0.5)
        if np.abs(step).max() < 1e-6:
            break
    return centre


def _is_small(offset: _Float64) -> bool:
    return float(np.abs(offset).max()) <= PHASE_TOLERANCE


def phase_error(weights: AnyArray, scale: Scale) -> _Float64:
    """Return the (row, column) distance of the centre of mass from its place, in HR pixels."""
    return centre_of_mass(weights) - phase_centre(weights.shape[0], scale)


def least_centre_error(weights: AnyArray, scale: Scale) -> _Float64:
    """Return how far, in HR pixels, the nearer of a kernel's two centres is from its place.

    They are that of the mass and, where taps are negative, that of the low frequencies; a kernel
    follows the phase rule when one of them does.

    Parameters
    ----------
    weights : (K, K) array
        K odd; of a sum above 0.
    scale : Scale

    Returns
    -------
    (2,) float64 array
        By row and column.
    """
    by_mass = phase_error(weights, scale)
    # Moving a kernel changes the sum of its negative taps a little.
    if _is_small(by_mass) or negative_sum(weights) <= _NEGATIVE / 2:
        return by_mass
    return min(by_mass, _low_frequency_error(weights, scale), key=lambda error: np.abs(error).max())


def kernel_sigmas(weights: AnyArray) -> tuple[float, float]:
    """Return the largest and smallest standard deviation over all directions, in HR pixels.

    From the eigenvalues of the positive taps' second moments: with the negative lobes of
    sharpening the moments of a kernel that does blur can be 0.
    """
    values = np.maximum(np.asarray(weights, dtype=np.float64), 0)
    values /= values.sum()
    rows, columns = np.indices(values.shape) - centre_of_mass(values)[:, None, None]
    across, down = (values * columns**2).sum(), (values * rows**2).sum()
    mixed = (values * rows * columns).sum()
    # Written out: two numbers need no LAPACK, nor its memory.
    middle, half = (across + down) / 2, np.hypot((across - down) / 2, mixed)
    largest, smallest = np.sqrt(np.maximum([middle + half, middle - half], 0.0))
    return float(largest), float(smallest)


def _check_square(weights: AnyArray) -> None:
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or weights.shape[0] == 0:
        raise InvalidValueError(f"weights must be (K, K), got {weights.shape}")
    if not np.isfinite(weights).all():
        raise InvalidValueError("weights must be finite, got NaN or infinity")
    if not np.abs(weights).max() > 0:
        raise InvalidValueError("weights must not be all zero")


def repair_kernel(
    weights: AnyArray, scale: Scale, source: str = "", *, within: float = PHASE_TOLERANCE
) -> tuple[BlurKernel, list[str]]:
    """Make a :class:`BlurKernel` of any square array, mending size, sum and phase.

    Parameters
    ----------
    weights : (K, K) array
        K may be even and the sum may be off, as in the field's files.
    scale : Scale
        The downscaling factor that it belongs to.
    source : str
        Where it came from.
    within : float
        HR pixels: a centre that lies off by more is moved; at most :data:`PHASE_TOLERANCE`.

    Returns
    -------
    kernel : BlurKernel
    notes : list of str
        What was mended, for the user; empty when nothing was.

    Raises
    ------
    InvalidValueError
        The array is not square, not finite, all zero, its sum is not above 0, or its centre of
        mass lies outside of it.
    """
    mended = np.array(weights, dtype=np.float64)
    scale = as_scale(scale)
    _check_square(mended)
    total = mended.sum()
    if not total > 1e-6 * np.abs(mended).sum():
        raise InvalidValueError(f"weights must have a sum above 0, got {total:.6g}")
    notes = []
    if abs(total - 1) > _SUM_TOLERANCE:
        notes.append(f"normalised (its sum was {total:.4g})")
    mended /= total
    if mended.shape[0] % 2 == 0:
        notes.append(f"padded from {mended.shape[0]} to {mended.shape[0] + 1} taps")
        mended = np.pad(mended, ((1, 0), (1, 0)))
    if mended.shape[0] < 3:
        mended = np.pad(mended, 1)
    offset = phase_error(mended, scale)
    if np.abs(offset).max() > mended.shape[0] + float(scale):
        raise InvalidValueError(
            "weights must have their centre of mass among them: those of either sign nearly cancel"
        )
    by_mass, error = offset, phase_error
    offset = kernel_centre(mended, scale) - phase_centre(mended.shape[0], scale)
    apart = by_mass - offset
    if apart.any():
        error = _low_frequency_error
    if np.abs(apart).max() > _APART:
        notes.append(
            f"warning: its centre of mass lies ({apart[0]:.2f}, {apart[1]:.2f}) HR pixels from "
            "its main lobe, by which it is centred"
        )
    if np.abs(offset).max() > within:
        notes.append(f"moved by ({-offset[0]:.2f}, {-offset[1]:.2f}) HR pixels")
        mended = _move_centre(mended, scale, error)
    return BlurKernel(mended.astype(np.float32), scale, source), notes


def _low_frequency_error(weights: AnyArray, scale: Scale) -> _Float64:
    """Return the same as :func:`phase_error` for the centre of the low frequencies."""
    return _low_frequency_centre(weights, scale) - phase_centre(weights.shape[0], scale)


def _move_centre(weights: _Float64, scale: Scale, error: _PhaseError) -> _Float64:
    """Shift by cubic splines until the phase rule holds, on as many taps as that needs.

    A linear shift would add up to 0.25 px² of variance per axis, as much as a sharp camera's.
    """
    reach = ceil(float(np.abs(error(weights, scale)).max())) + 2
    padded = np.pad(weights, reach)
    moved = shift_to_phase(padded, scale, rounds=20, tolerance=1e-4, error=error)
    return _trim(moved, keep=weights.shape[0], scale=scale, error=error)


def shift_to_phase(
    weights: _Float64,
    scale: Scale,
    *,
    rounds: int,
    tolerance: float = 0.0,
    error: _PhaseError = phase_error,
) -> _Float64:
    """Shift by cubic splines, on the same taps, until the phase rule holds; the sum becomes 1.

    Parameters
    ----------
    weights : (K, K) float64 array
        Of a sum above 0; what leaves the taps is lost.
    scale : Scale
        Downscaling factor.
    rounds : int
        How often to shift at the most: each time less is amiss.
    tolerance : float
        HR pixels; nearer to its place than this, the centre is left there.
    error : callable
        What tells how far from its place the centre is: that of the mass.

    Returns
    -------
    (K, K) float64 array
    """
    for _ in range(rounds):
        offset = error(weights, scale)
        if np.abs(offset).max() < tolerance:
            break
        weights = scipy.ndimage.shift(weights, -offset, order=3, mode="constant")
        weights /= weights.sum()
    return weights


def _trim(
    weights: _Float64, *, keep: int, scale: Scale, error: _PhaseError, lost: float = 1e-4
) -> _Float64:
    """Cut equal margins while at most ``lost`` of the mass goes and the phase stays in place."""
    best = weights
    while best.shape[0] > max(keep, 3):
        inner = best[1:-1, 1:-1]
        gone = np.abs(best).sum() - np.abs(inner).sum()
        inner = inner / inner.sum()
        if gone > lost or np.abs(error(inner, scale)).max() > PHASE_TOLERANCE / 2:
            break
        best = inner
    return np.asarray(best / best.sum(), dtype=np.float64)


def crop_or_pad_kernel(weights: AnyArray, size: int) -> AnyArray:
    """Return the central (size, size) part, padded with zeros where it is larger; sizes odd."""
    if weights.shape[0] % 2 == 0 or size % 2 == 0:
        raise InvalidValueError(f"sizes must be odd, got {weights.shape[0]} and {size}")
    margin = (size - weights.shape[0]) // 2
    if margin >= 0:
        return np.pad(weights, margin)
    return weights[-margin:margin, -margin:margin].copy()
