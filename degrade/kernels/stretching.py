"""Kernels made a little wider or narrower: how far a measured one may be from the truth."""

from __future__ import annotations

from math import ceil, fsum

import numpy as np
import numpy.typing as npt

from degrade.errors import InvalidValueError
from degrade.kernels.kernel import BlurKernel, phase_centre
from degrade.resample import cubic

__all__ = ["MOST_STRETCH", "stretch_by_error", "stretch_kernel"]

MOST_STRETCH = 1.25
"""Kernels are made wider or narrower by this factor at most."""

_SMALL = 1.02
_DIGITS = 6
_ROUNDS = 4


def stretch_by_error(kernel: BlurKernel, error: float) -> BlurKernel:
    """Make a kernel wider until it differs from what it was by a given error.

    Parameters
    ----------
    kernel : BlurKernel
    error : float
        The root of the sum of squared differences that it shall differ by, to first order; below 0:
        narrower. The width changes by a factor of :data:`MOST_STRETCH` at most.

    Returns
    -------
    BlurKernel
        The same bits on every machine: each sum is exact, or in a fixed order.
    """
    if not error:
        return kernel
    small = stretch_kernel(kernel, _SMALL).weights.astype(np.float64)
    reach = (len(small) - kernel.size) // 2
    moved = small - np.pad(kernel.weights.astype(np.float64), reach)
    slope = fsum(np.square(moved).ravel()) ** 0.5 / (_SMALL - 1)
    factor = 1 + error / slope if slope else 1.0
    # Rounded, so that the last bits of a root do not matter.
    return stretch_kernel(kernel, round(min(max(factor, 1 / MOST_STRETCH), MOST_STRETCH), _DIGITS))


def stretch_kernel(kernel: BlurKernel, factor: float) -> BlurKernel:
    """Resize a kernel about its centre by cubic interpolation; its sum stays 1.

    Parameters
    ----------
    kernel : BlurKernel
    factor : float
        New width over the old one, from 1/2 to 2.

    Raises
    ------
    InvalidValueError
        The factor is another.
    """
    if not 1 / 2 <= factor <= 2:
        raise InvalidValueError(f"a kernel is stretched by 1/2 to 2, got {factor:g}")
    old = kernel.weights.astype(np.float64)
    side = 2 * ceil(kernel.size // 2 * max(factor, 1.0) + kernel.scale / 2) + 1
    wanted = phase_centre(side, kernel.scale)
    places = (np.arange(side) - wanted) / factor + phase_centre(kernel.size, kernel.scale)
    shift = np.zeros(2)
    for _ in range(_ROUNDS):
        weights = _interpolated(old, places + shift[0], places + shift[1])
        centre = _centre(weights)
        # Where taps are cut, interpolation moves the centre a little.
        shift = np.round(shift + (centre - wanted) / factor, _DIGITS)
    return BlurKernel(weights.astype(np.float32), kernel.scale, kernel.source)


def _interpolated(
    old: npt.NDArray[np.float64], rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the kernel at other places; 0 outside; its sum is 1."""
    padded = np.pad(old, 2)
    sides = [_neighbours(places, len(old)) for places in (rows, columns)]
    total = np.zeros((len(rows), len(columns)))
    for down, by_row in zip(*sides[0], strict=True):
        for right, by_column in zip(*sides[1], strict=True):
            total += padded[down[:, None], right] * by_row[:, None] * by_column
    return total / fsum(total.ravel())


def _neighbours(
    places: npt.NDArray[np.float64], size: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return four taps around each place, counted in the padded kernel, and their weights."""
    first = np.floor(places).astype(np.int64)
    taps = first + np.arange(-1, 3)[:, None]
    return np.clip(taps + 2, 0, size + 3), cubic(places - taps)


def _centre(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    rows, columns = (np.arange(side, dtype=np.float64) for side in weights.shape)
    by_row, by_column = weights * rows[:, None], weights * columns
    return np.array([fsum(by_row.ravel()), fsum(by_column.ravel())])
