"""How bright, varied, clipped, textured and uneven the windows of a photo are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray
from degrade.luma import LUMA_WEIGHTS
from degrade.noise.window_sums import CLIPPED, PRODUCTS, SQUARES, SUMS, sum_cells

__all__ = ["WindowStatistics", "measure_windows"]

_BLOCKS = 4
"""Blocks along a side of a window."""

_PAIRS = ((0, 1), (1, 2), (2, 0))
"""Channels whose products are summed, in the order of ``PRODUCTS``."""

_TOPS_AT_ONCE = 64

_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class WindowStatistics:
    """Statistics of all windows at R tops and C lefts; each an (R, C) float64 array.

    Attributes
    ----------
    means, variances
        Of the grey levels, in 8-bit units.
    clipped
        Share of pixels with a sample at 0 or at the maximum.
    structure
        Ratio of the most to the mean variance over 4×4 blocks, the largest of the channels; 1
        where nothing varies.
    unevenness
        Share of the variance that lies between the means of those blocks, the largest of the
        channels; 0 where nothing varies.
    """

    means: _Floats
    variances: _Floats
    clipped: _Floats
    structure: _Floats
    unevenness: _Floats


def measure_windows(
    pixels: AnyArray, tops: _Integers, lefts: _Integers, size: int
) -> WindowStatistics:
    """Measure every square window of ``size`` pixels at each of ``tops`` and ``lefts``.

    Parameters
    ----------
    pixels : (H, W, 3) uint8 or uint16 array
    tops, lefts : int64 arrays
        At least one of each, ascending; the lefts from 0 to W - size.
    size : int
        At least 4.
    """
    # So few rows at once that their sums take little memory; so many that the pixels which two
    # groups share are not the most of the work.
    count = max(_TOPS_AT_ONCE, int(np.searchsorted(tops, tops[0] + size)))
    groups = [
        _measure_group(pixels, tops[first : first + count], lefts, size)
        for first in range(0, len(tops), count)
    ]
    return WindowStatistics(*(np.concatenate(parts) for parts in zip(*groups, strict=True)))


def _measure_group(
    pixels: AnyArray, tops: _Integers, lefts: _Integers, size: int
) -> tuple[_Floats, ...]:
    """Return the fields of :class:`WindowStatistics`."""
    block = size // _BLOCKS
    rows, columns = _BlockGrid.of(tops, size), _BlockGrid.of(lefts, size)
    grid = sum_cells(pixels, rows.edges, columns.edges)
    sums = grid.over(tops, lefts, size)
    means, variances = _grey_moments(sums, size, np.iinfo(pixels.dtype).max)
    # Each block is measured once, however many windows it belongs to.
    of_block = _channel_variances(grid.over(rows.starts, columns.starts, block), block)
    most = _over_blocks(np.maximum, of_block, rows.members, columns.members)
    within = _over_blocks(np.add, of_block, rows.members, columns.members) / _BLOCKS**2
    # The variance of all blocks together is that within them plus that between their means.
    side = _BLOCKS * block
    together = _channel_variances(sums if side == size else grid.over(tops, lefts, side), side)
    structure, inside = np.ones_like(within), np.ones_like(within)
    np.divide(most, within, out=structure, where=within > 0)
    np.divide(within, together, out=inside, where=together > 0)
    unevenness = np.maximum(1.0 - inside, 0.0)
    clipped = sums[CLIPPED] / size**2
    return means, variances, clipped, structure.max(axis=0), unevenness.max(axis=0)


@dataclass(frozen=True, slots=True, eq=False)
class _BlockGrid:
    """Where the blocks of windows lie along one axis.

    Attributes
    ----------
    edges : int64 array
        Where windows and blocks begin and end.
    starts : (B,) int64 array
        Of all blocks, each once.
    members : (N, 4) int64 array
        For each window the places of its blocks in ``starts``.
    """

    edges: _Integers
    starts: _Integers
    members: _Integers

    @classmethod
    def of(cls, windows: _Integers, size: int) -> _BlockGrid:
        block = size // _BLOCKS
        begins = windows[:, None] + block * np.arange(_BLOCKS)
        starts = np.unique(begins)
        edges = np.unique(np.concatenate([starts, starts + block, windows + size]))
        return cls(edges, starts, np.searchsorted(starts, begins))


def _grey_moments(sums: _Integers, size: int, peak: int) -> tuple[_Floats, _Floats]:
    unit, count = 255.0 / peak, size**2
    mean, variance = np.zeros(sums.shape[1:]), np.zeros(sums.shape[1:])
    for weight, level in zip(LUMA_WEIGHTS, sums[SUMS], strict=True):
        mean += weight * unit * (level / count)
    for channel, square in enumerate(sums[SQUARES]):
        weight = (LUMA_WEIGHTS[channel] * unit) ** 2
        variance += weight * _covariance(sums, (channel, channel), square, count)
    for (one, other), product in zip(_PAIRS, sums[PRODUCTS], strict=True):
        weight = 2 * LUMA_WEIGHTS[one] * LUMA_WEIGHTS[other] * unit**2
        variance += weight * _covariance(sums, (one, other), product, count)
    return mean, np.maximum(variance, 0.0)


def _channel_variances(sums: _Integers, side: int) -> _Floats:
    return np.stack(
        [
            np.maximum(_covariance(sums, (channel, channel), square, side**2), 0.0)
            for channel, square in enumerate(sums[SQUARES])
        ]
    )


def _covariance(
    sums: _Integers, channels: tuple[int, int], products: _Integers, count: int
) -> _Floats:
    """Return the covariance of two channels from the sum of their products.

    Taken about whole numbers near the means, in integers: nothing cancels, and where nothing
    varies the result is 0.
    """
    one, other = (sums[SUMS][channel] for channel in channels)
    near_one, rest_one = np.divmod(one, count)
    near_other, rest_other = np.divmod(other, count)
    about = products - near_one * other - near_other * rest_one
    covariance: _Floats = (about - rest_one * rest_other / count) / count
    return covariance


def _over_blocks(
    combine: Callable[[_Floats, _Floats], _Floats],
    of_block: _Floats,
    rows: _Integers,
    columns: _Integers,
) -> _Floats:
    """Combine (..., tops, lefts) values of blocks over the 4×4 blocks of each window.

    One block after the other, so that the order of additions is the same everywhere.
    """
    strips = of_block[:, rows[:, 0]]
    for row in rows.T[1:]:
        strips = combine(strips, of_block[:, row])
    total = strips[..., columns[:, 0]]
    for column in columns.T[1:]:
        total = combine(total, strips[..., column])
    return total
