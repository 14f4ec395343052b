"""Blur kernels and what they do to an image: pure functions on arrays.

The project's phase rule: a kernel is *correlated* with the HR image, its size K is odd, its
centre of mass lies at K//2 + (scale - 1)/2 in both axes, and the result is sampled ``[::scale]``.
LR pixel p then has its centre at HR coordinate scale·p + (scale - 1)/2, the middle of the HR
block that it covers.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import AnyArray, FloatArray
from degrade.errors import InvalidValueError

__all__ = [
    "PHASE_TOLERANCE",
    "BlurKernel",
    "centre_of_mass",
    "check_scale",
    "crop_or_pad_kernel",
    "kernel_sigmas",
    "phase_centre",
    "phase_error",
    "repair_kernel",
    "shift_to_phase",
]

PHASE_TOLERANCE = 0.05
"""How far, in HR pixels, a kernel's centre of mass may lie from where the phase rule puts it."""

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
    scale : int
        The downscaling factor that it belongs to, at least 2.
    source : str
        Where it came from, for people.

    Raises
    ------
    InvalidValueError
        Any of this does not hold. :func:`repair_kernel` mends what can be mended.
    """

    weights: FloatArray
    scale: int
    source: str = ""

    def __post_init__(self) -> None:
        weights = np.array(self.weights, dtype=np.float32, order="C")
        check_scale(self.scale)
        _check_square(weights)
        if weights.shape[0] % 2 == 0 or weights.shape[0] < 3:
            raise InvalidValueError(f"weights must be (K, K) with K odd, got {weights.shape}")
        total = float(weights.sum(dtype=np.float64))
        if abs(total - 1) > _SUM_TOLERANCE:
            raise InvalidValueError(f"weights must sum to 1, got {total:.6g}")
        offset = phase_error(weights, self.scale)
        if float(np.abs(offset).max()) > PHASE_TOLERANCE:
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


def phase_centre(size: int, scale: int) -> float:
    """Return where the phase rule puts the centre of mass along one axis."""
    return size // 2 + (scale - 1) / 2


def centre_of_mass(weights: AnyArray) -> npt.NDArray[np.float64]:
    """Return the (row, column) centre of mass of a (K, L) array whose sum is not 0."""
    values = np.asarray(weights, dtype=np.float64)
    total = values.sum()
    rows = (values.sum(axis=1) @ np.arange(values.shape[0])) / total
    columns = (values.sum(axis=0) @ np.arange(values.shape[1])) / total
    return np.array([rows, columns])


def phase_error(weights: AnyArray, scale: int) -> npt.NDArray[np.float64]:
    """Return the (row, column) distance of the centre of mass from its place, in HR pixels."""
    return centre_of_mass(weights) - phase_centre(weights.shape[0], scale)


def kernel_sigmas(weights: AnyArray) -> tuple[float, float]:
    """Return the largest and smallest standard deviation over all directions, in HR pixels.

    From the eigenvalues of the positive taps' second moments: with the negative lobes of
    sharpening the moments of a kernel that does blur can be 0.
    """
    values = np.maximum(np.asarray(weights, dtype=np.float64), 0)
    values /= values.sum()
    rows, columns = np.indices(values.shape) - centre_of_mass(values)[:, None, None]
    moments = [[(values * a * b).sum() for b in (rows, columns)] for a in (rows, columns)]
    smallest, largest = np.sqrt(np.maximum(np.linalg.eigvalsh(np.array(moments)), 0.0))
    return float(largest), float(smallest)


def check_scale(scale: int) -> None:
    """Refuse what is no integer of at least 2."""
    if scale != int(scale) or scale < 2:
        raise InvalidValueError(f"scale must be an integer of at least 2, got {scale}")


def _check_square(weights: AnyArray) -> None:
    if weights.ndim != 2 or weights.shape[0] != weights.shape[1] or weights.shape[0] == 0:
        raise InvalidValueError(f"weights must be (K, K), got {weights.shape}")
    if not np.isfinite(weights).all():
        raise InvalidValueError("weights must be finite, got NaN or infinity")
    if not np.abs(weights).max() > 0:
        raise InvalidValueError("weights must not be all zero")


def repair_kernel(weights: AnyArray, scale: int, source: str = "") -> tuple[BlurKernel, list[str]]:
    """Make a :class:`BlurKernel` of any square array, mending size, sum and phase.

    Parameters
    ----------
    weights : (K, K) array
        K may be even and the sum may be off, as in the field's files.
    scale : int
        The downscaling factor that it belongs to, at least 2.
    source : str
        Where it came from.

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
    check_scale(scale)
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
    if np.abs(offset).max() > mended.shape[0] + scale:
        raise InvalidValueError(
            "weights must have their centre of mass among them: those of either sign nearly cancel"
        )
    if np.abs(offset).max() > PHASE_TOLERANCE:
        notes.append(f"moved by ({-offset[0]:.2f}, {-offset[1]:.2f}) HR pixels")
        mended = _move_centre(mended, scale)
    return BlurKernel(mended.astype(np.float32), scale, source), notes


def _move_centre(weights: npt.NDArray[np.float64], scale: int) -> npt.NDArray[np.float64]:
    """Shift by cubic splines until the phase rule holds, on as many taps as that needs.

    A linear shift would add up to 0.25 px² of variance per axis, as much as a sharp camera's.
    """
    reach = ceil(float(np.abs(phase_error(weights, scale)).max())) + 2
    moved = shift_to_phase(np.pad(weights, reach), scale, rounds=20, tolerance=1e-4)
    return _trim(moved, keep=weights.shape[0], scale=scale)


def shift_to_phase(
    weights: npt.NDArray[np.float64], scale: int, *, rounds: int, tolerance: float = 0.0
) -> npt.NDArray[np.float64]:
    """Shift by cubic splines, on the same taps, until the phase rule holds; the sum becomes 1.

    Parameters
    ----------
    weights : (K, K) float64 array
        Of a sum above 0; what leaves the taps is lost.
    scale : int
        Downscaling factor.
    rounds : int
        How often to shift at the most: each time less is amiss.
    tolerance : float
        HR pixels; nearer to its place than this, the centre of mass is left there.

    Returns
    -------
    (K, K) float64 array
    """
    for _ in range(rounds):
        offset = phase_error(weights, scale)
        if np.abs(offset).max() < tolerance:
            break
        weights = scipy.ndimage.shift(weights, -offset, order=3, mode="constant")
        weights /= weights.sum()
    return weights


def _trim(
    weights: npt.NDArray[np.float64], *, keep: int, scale: int, lost: float = 1e-4
) -> npt.NDArray[np.float64]:
    """Cut equal margins while at most ``lost`` of the mass goes and the phase stays in place."""
    best = weights
    while best.shape[0] > max(keep, 3):
        inner = best[1:-1, 1:-1]
        gone = np.abs(best).sum() - np.abs(inner).sum()
        inner = inner / inner.sum()
        if gone > lost or np.abs(phase_error(inner, scale)).max() > PHASE_TOLERANCE / 2:
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
