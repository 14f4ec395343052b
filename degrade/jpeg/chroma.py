"""How the colours of a photo were subsampled by JPEG, and with which steps they were quantised."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.jpeg.steps import TableFit, fit_table, lively
from degrade.jpeg.tables import Subsampling
from degrade.jpeg.transform import BLOCK, block_coefficients
from degrade.jpeg.windows import Windows

__all__ = ["ROUNDING", "ChromaFit", "clear_blocks", "find_chroma"]

ROUNDING = 0.1
"""The variance of a coefficient's error, of pixels that a decoder has rounded: 1/12, and a little
more for other decoders' arithmetic."""

_ROUNDING = 0.13
_WINDOWS = 10
_POWER = 3.0
"""Of the blocks that are looked at, in squared levels; see :func:`degrade.jpeg.steps.lively`."""

_APART = 20.0
"""By how much one subsampling must be ahead of the others."""

_PLAIN = 150.0
"""What speaks so much for a known table ends the search: all wrong grids are refuted."""

_LEAST_STEPS = 12
"""Of a table that is not known, as many steps must be certain."""

_KINDS: dict[Subsampling, tuple[bool, bool]] = {
    "4:2:0": (True, True),
    "4:4:4": (False, False),
    "4:2:2": (False, True),
    "4:4:0": (True, False),
}
"""Whether there are half as many rows, and columns; the usual ones first."""

_REACH = 0.01
"""The weight from which on a pixel takes part in a sample."""

_ALIKE = 0.99
"""The share of neighbours that are the same where each sample was simply repeated."""


_Float64: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChromaFit:
    """What is known of the colours.

    Attributes
    ----------
    subsampling : str
        As it shows in the photo.
    fit : TableFit
    phase : (row, column)
        Of the chroma blocks, modulo 16 on axes with half the samples, else modulo 8.
    """

    subsampling: Subsampling
    fit: TableFit
    phase: tuple[int, int]


def clear_blocks(
    planes: FloatArray, top: int, left: int, hidden: npt.NDArray[np.bool_]
) -> FloatArray:
    """Return the coefficients, (N, 64), of blocks in which nothing is hidden.

    ``planes`` are (N, H, W), or several of them after one another for the N of ``hidden``.
    """
    found = block_coefficients(planes, top, left)
    if not hidden.any():
        return found.reshape(-1, 64)
    bad = block_coefficients(hidden.astype(np.float32), top, left)[..., 0] > 0
    # Planes of one window share what is hidden.
    shared = found.reshape(-1, *bad.shape, 64)
    return shared[:, ~bad].reshape(-1, 64)


def find_chroma(windows: Windows, phase: tuple[int, int]) -> ChromaFit | None:
    """Tell the subsampling by the grid on which the colours are multiples of steps.

    Parameters
    ----------
    windows : Windows
    phase : (row, column)
        Of the luma's grid, modulo 8.

    Returns
    -------
    ChromaFit or None
        None: no subsampling is clearly ahead of the others.
    """
    chosen = windows.most_colourful(_WINDOWS)
    samples = _Samples(chosen.chroma, chosen.clipped)
    found: list[ChromaFit] = []
    for kind, start in _grids(phase):
        fit = _fit(samples, start, _KINDS[kind])
        if fit is not None and (fit.table or np.count_nonzero(fit.steps) >= _LEAST_STEPS):
            found.append(ChromaFit(kind, fit, start))
            if fit.table and fit.support >= _PLAIN:
                return found[-1]
    found.sort(key=lambda fit: -fit.fit.support)
    is_clear = len(found) == 1 or (
        len(found) > 1 and found[0].fit.support - found[1].fit.support >= _APART
    )
    return found[0] if is_clear else None


def _grids(phase: tuple[int, int]) -> Iterator[tuple[Subsampling, tuple[int, int]]]:
    """Yield the grids on which chroma may lie; the usual ones first."""
    for kind, (is_down, is_across) in _KINDS.items():
        for row in _phases(phase[0], is_down):
            for column in _phases(phase[1], is_across):
                yield kind, (row, column)


def _phases(phase: int, is_halved: bool) -> tuple[int, ...]:
    return (phase, phase + BLOCK) if is_halved else (phase,)


class _Halved(NamedTuple):
    """Samples as they were before a decoder's upsampling, if there was one.

    Attributes
    ----------
    samples : (N, H', W') float32 array
    hidden : (N, H', W') bool array
        Where clipped pixels took part.
    growth : ((8,), (8,)) float64 arrays
        By how much undoing it multiplies the variance of rounding, by frequency of each axis.
    """

    samples: FloatArray
    hidden: npt.NDArray[np.bool_]
    growth: tuple[_Float64, _Float64]


class _Samples:
    """The colours of windows, with the upsampling undone as it is asked for, and once.

    Where blocks begin does not matter to it but for being even or odd, which all grids of one photo
    are alike.
    """

    def __init__(self, planes: FloatArray, clipped: npt.NDArray[np.bool_]) -> None:
        whole = planes.reshape(-1, *planes.shape[2:])
        self._kept = {(False, False): _Halved(whole, clipped, (np.ones(BLOCK), np.ones(BLOCK)))}

    def halved(self, axes: tuple[bool, bool], phase: tuple[int, int]) -> _Halved:
        """Return the samples with half as many rows, or columns, or both."""
        if axes not in self._kept:
            axis = 1 if axes[1] else 0
            before = self.halved((axes[0] and axis == 1, False), phase)
            samples, hidden, grown = _halve(before.samples, before.hidden, axis, phase[axis] % 2)
            growth = (before.growth[0], grown) if axis else (grown, before.growth[1])
            self._kept[axes] = _Halved(samples, hidden, growth)
        return self._kept[axes]


def _fit(samples: _Samples, phase: tuple[int, int], axes: tuple[bool, bool]) -> TableFit | None:
    """Fit a table to the samples that there would have been; see :func:`find_chroma`."""
    found = samples.halved(axes, phase)
    # The first sample is made of the pair that begins at the first even, or odd, pixel.
    top, left = (
        place // 2 % BLOCK if halved else place for place, halved in zip(phase, axes, strict=True)
    )
    blocks = clear_blocks(found.samples, top, left, found.hidden)
    spread = np.outer(*found.growth).ravel() / 12 if any(axes) else np.zeros(64)
    return fit_table(lively(blocks, _POWER), _ROUNDING + spread, 1)


def _halve(
    samples: FloatArray, hidden: npt.NDArray[np.bool_], axis: int, parity: int
) -> tuple[FloatArray, npt.NDArray[np.bool_], _Float64]:
    """Undo a decoder's upsampling along an axis, whose pairs begin at even or odd pixels.

    Returns
    -------
    samples : (N, H', W') float32 array
    hidden : (N, H', W') bool array
    growth : (8,) float64 array
        As those of :class:`_Halved`.
    """
    length = samples.shape[axis + 1]
    whole = np.moveaxis(samples, axis + 1, 2)
    pairs = (length - parity) // 2
    both = whole[..., parity : parity + 2 * pairs].reshape(*whole.shape[:2], pairs, 2)
    if (both[..., 0] == both[..., 1]).mean() >= _ALIKE:
        inverse, growth = _mean_of_pairs(length, parity), np.full(BLOCK, 1e-3)
    else:
        inverse, growth = _inverse_of_triangles(length, parity), _TRIANGLES
    found = inverse @ samples if axis == 0 else samples @ inverse.T
    near = np.zeros((len(hidden), *found.shape[1:]), bool)
    if hidden.any():
        reach = (np.abs(inverse) > _REACH).astype(np.float32)
        parts = hidden.astype(np.float32)
        near = (reach @ parts if axis == 0 else parts @ reach.T) > 0
    return found, near, growth


_TRIANGLES = 8 / (10 + 6 * np.cos(np.pi * np.arange(BLOCK) / BLOCK))
"""What the best inverse of libjpeg's upsampling does to the variance of white noise."""


@functools.cache
def _inverse_of_triangles(length: int, parity: int) -> FloatArray:
    """Return the least-squares inverse of libjpeg's upsampling along one axis, (pairs, length).

    Each of two samples is 3/4 of its own and 1/4 of the next one on its side. Samples outside,
    which the first and last pixels have some of, are unknowns too, and then left out.
    """
    pairs = (length - parity) // 2
    upsampling = np.zeros((length, pairs + 3))
    for place in range(length):
        own = (place - parity) // 2 + 1
        side = 1 if (place - parity) % 2 else -1
        upsampling[place, own] = 0.75
        upsampling[place, min(max(own + side, 0), pairs + 2)] += 0.25
    inverse: FloatArray = np.linalg.pinv(upsampling)[1 : pairs + 1].astype(np.float32)
    return inverse


@functools.cache
def _mean_of_pairs(length: int, parity: int) -> FloatArray:
    pairs = (length - parity) // 2
    inverse = np.zeros((pairs, length), np.float32)
    for pair in range(pairs):
        inverse[pair, parity + 2 * pair : parity + 2 * pair + 2] = 0.5
    return inverse
