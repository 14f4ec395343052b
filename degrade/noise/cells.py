"""The flat cells of a photo: small enough for one level each, and nothing in them but noise.

A photo shows noise alone where the scene is flat. Cells of 16×16 pixels are looked at, without
their best planes. Two things tell texture from noise. It adds to the noise, so its cells vary more
than the quietest ones of their level. And soft texture goes on from pixel to pixel, so its cells
are less rough than those. What is kept is near the quietest in both, as most cells of noise are.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Self

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import AnyArray, FloatArray

__all__ = [
    "CELL",
    "PAIRS",
    "Cells",
    "cells_of",
    "describe_cells",
    "flat_among",
    "is_clipped",
    "is_still",
    "residuals_of",
    "scatter_of",
]

CELL = 16
"""Side of a cell in pixels."""

MOST_CELLS = 3072
"""Cells that are looked at; larger photos have them spread evenly."""

_MOST_CLIPPED = 0.005
_GREEN = 1
PAIRS = ((0, 1), (0, 2), (1, 2))
"""Of channels."""

_PRODUCTS = ((0, 0), (1, 1), (2, 2), *PAIRS)

_AT_ONCE = 192
"""Cells that are measured together: so many stay in a processor's cache."""

_RAMP = 2 * np.arange(CELL) - (CELL - 1)
_STEEPNESS = CELL * int(_RAMP @ _RAMP)

_QUIET = 0.1
"""Quantile of the variance that is taken for noise alone to begin with."""

_NEAR = np.log(1.5), np.log(1.6)
"""How far above the curve, at first and later, a cell's log variance may lie. Where noise is all
that there is, about one cell in a hundred lies higher."""

_ROUGH, _LEAST_ROUGH = 0.75, 0.85
"""A quantile of the roughness of the quietest cells, and the share of it that flat cells have."""

_ROUNDS = 8
_KNOTS = np.arange(8, 256, 16)
_REACHES = 12, 24, 48
_FEWEST = 8
_BREADTH = 10.0
_STILL = 1e-3

_Floats = npt.NDArray[np.float64]
_Booleans = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """N cells.

    Attributes
    ----------
    levels : (N, 16, 16, 3) float32 array
        Grey levels as they were; none where only numbers are wanted.
    means, variances : (N, 3) float64 arrays
        The variances are about the best planes.
    covariances : (N, 3) float64 array
        About the planes: of red and green, red and blue, green and blue.
    roughness : (N,) float64 array
        Of green: half the mean squared difference of neighbours, over the variance. Of the three
        channels a sensor samples green most finely.
    """

    levels: FloatArray
    means: _Floats
    variances: _Floats
    covariances: _Floats
    roughness: _Floats

    def __getitem__(self, which: AnyArray) -> Self:
        """Return some of them."""
        return type(self)(
            self.levels[which] if len(self.levels) else self.levels,
            self.means[which],
            self.variances[which],
            self.covariances[which],
            self.roughness[which],
        )

    def __len__(self) -> int:
        return len(self.roughness)

    def numbers(self) -> Self:
        """Return the cells without their levels: choosing among them copies little."""
        return replace(self, levels=self.levels[:0])


def cells_of(pixels: AnyArray) -> FloatArray:
    """Return cells of an image, spread evenly: (N, 16, 16, 3) float32, in 8-bit grey levels.

    Parameters
    ----------
    pixels : (H, W, 3) uint8, uint16 or float32 array
        Floats are grey levels already.
    """
    rows, columns = (side // CELL for side in pixels.shape[:2])
    count = min(rows * columns, MOST_CELLS)
    at = np.arange(count) * (rows * columns) // max(count, 1)
    cut = pixels[: rows * CELL, : columns * CELL].reshape(rows, CELL, columns, CELL, 3)
    chosen = cut.swapaxes(1, 2)[at // max(columns, 1), at % max(columns, 1)]
    cells: FloatArray = chosen.astype(np.float32)
    if pixels.dtype == np.uint16:
        cells *= np.float32(255 / 65535)
    return cells


def describe_cells(levels: FloatArray) -> Cells:
    """Measure (N, 16, 16, 3) cells; whole grey levels are summed exactly, in any order."""
    pieces = [_sums_of(levels[at : at + _AT_ONCE]) for at in range(0, len(levels), _AT_ONCE)]
    found = np.concatenate(pieces) if pieces else np.zeros((0, 16))
    sums, fall, rise, *products, steps = np.split(found, [3, 6, 9, 10, 11, 12, 13, 14, 15], axis=1)
    about = []
    for (first, second), product in zip(_PRODUCTS, products, strict=True):
        own = product[:, 0] - sums[:, first] * sums[:, second] / CELL**2
        own -= fall[:, first] * fall[:, second] / _STEEPNESS
        own -= rise[:, first] * rise[:, second] / _STEEPNESS
        about.append(own / CELL**2)
    variances = np.maximum(np.stack(about[:3], axis=1), 0.0)
    varies = variances[:, _GREEN] > _STILL
    rough = np.ones(len(levels))
    np.divide(steps[:, 0], variances[:, _GREEN], out=rough, where=varies)
    means = levels[:, 0, 0] + sums / CELL**2
    return Cells(levels, means, variances, np.stack(about[3:], axis=1), rough)


def _sums_of(levels: FloatArray) -> _Floats:
    """Return what a few cells are measured by, (n, 16).

    The sums, falls and rises of the channels, their products, all about the first pixel; and half
    the mean squared difference of neighbours in green.
    """
    channels = np.empty((3, len(levels), CELL * CELL), np.float32)
    cv2.split(np.ascontiguousarray(levels).reshape(-1, 1, 3), list(channels.reshape(3, -1, 1)))
    channels -= channels[..., :1].copy()  # small numbers: their squares lose nothing
    products = [np.einsum("np,np->n", channels[one], channels[other]) for one, other in _PRODUCTS]
    green = channels[_GREEN]
    steps = np.zeros(len(levels))
    for apart in (CELL, 1):
        difference = green[:, apart:] - green[:, :-apart]
        if apart == 1:  # the last pixel of a row and the first of the next are no neighbours
            difference[:, CELL - 1 :: CELL] = 0
        steps += np.einsum("np,np->n", difference, difference)
    steps /= 4 * CELL * (CELL - 1)
    moments = (channels.reshape(-1, CELL * CELL) @ _planes()).reshape(3, -1, 3)
    planes = moments.transpose(1, 2, 0).reshape(len(levels), 9)
    found: _Floats = np.column_stack([planes, *products, steps]).astype(np.float64)
    return found


@functools.cache
def _planes() -> FloatArray:
    """Return (256, 3) weights: the sum, and what rises down and to the right."""
    down = np.broadcast_to(_RAMP[:, None], (CELL, CELL))
    parts = np.stack([np.ones((CELL, CELL)), down, down.T], axis=-1)
    return parts.reshape(-1, 3).astype(np.float32)


def is_clipped(levels: FloatArray) -> _Booleans:
    """Tell which (N, 16, 16, 3) cells have more than a few samples at 0 or 255."""
    ends = (levels <= 0) | (levels >= 255)
    clipped: _Booleans = ends.reshape(len(levels), -1).mean(axis=1) > _MOST_CLIPPED
    return clipped


def is_still(cells: Cells) -> _Booleans:
    """Tell in which cells some channel is a plane and nothing else."""
    still: _Booleans = cells.variances.min(axis=1) <= _STILL
    return still


def flat_among(cells: Cells) -> _Booleans:
    """Tell in which cells of a photo noise is all that varies, (N,).

    Parameters
    ----------
    cells : Cells
        None of them still or clipped.
    """
    flat: _Booleans = np.zeros(len(cells), np.bool_)
    if len(cells) < _FEWEST:
        return flat
    quiet = _near_the_quiet(cells)
    if quiet.sum() < _FEWEST:
        return flat
    rough = cells.roughness > _LEAST_ROUGH * np.quantile(cells.roughness[quiet], _ROUGH)
    means, variances = cells.means[rough].T, cells.variances[rough].T
    logs, further = np.log(variances.T), _NEAR[1]
    kept = _near_the_quiet(cells[rough])
    for _ in range(_ROUNDS):
        if kept.sum() < _FEWEST:
            return flat
        curves = [_usual(*pair, kept) + further for pair in zip(means, variances, strict=True)]
        nearer = _below(logs, curves)
        if np.array_equal(nearer, kept):
            break
        kept = nearer
    flat[np.flatnonzero(rough)[kept]] = True
    return flat


def scatter_of(flat: Cells) -> _Floats:
    """Return the standard deviation of the log variance of flat cells of a level, (3,)."""
    every = np.ones(len(flat), np.bool_)
    off = [
        np.log(variances) - _usual(levels, variances, every)
        for levels, variances in zip(flat.means.T, flat.variances.T, strict=True)
    ]
    scatter: _Floats = np.std(off, axis=1)
    return scatter


def _below(logs: _Floats, curves: list[_Floats]) -> _Booleans:
    return np.asarray((logs < np.stack(curves, axis=1)).all(axis=1), np.bool_)


def _near_the_quiet(cells: Cells) -> _Booleans:
    """Tell which cells vary little more than the quietest ones of their level."""
    logs = np.log(cells.variances)
    pairs = zip(cells.means.T, logs.T, strict=True)
    return _below(logs, [_quiet(*pair) + _NEAR[0] for pair in pairs])


def _quiet(levels: _Floats, logs: _Floats) -> _Floats:
    """Return a low quantile of the log variance, of the cells around each one's level."""
    knots, values = [], []
    for knot in _KNOTS:
        off = np.abs(levels - knot)
        around = next((off <= r for r in _REACHES if (off <= r).sum() >= _FEWEST), None)
        if around is not None:
            knots.append(knot)
            values.append(_low_quantile(logs[around]))
    if not knots:
        return np.full(len(levels), _low_quantile(logs))
    found: _Floats = np.interp(levels, knots, values)
    return found


def _low_quantile(values: _Floats) -> float:
    """Return what ``np.quantile(values, _QUIET)`` does, in a fifth of its time."""
    below, part = divmod(_QUIET * (len(values) - 1), 1)
    at = int(below)
    ordered = np.partition(values, (at, min(at + 1, len(values) - 1)))
    low, high = float(ordered[at]), float(ordered[min(at + 1, len(values) - 1)])
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)


def _usual(levels: _Floats, variances: _Floats, kept: _Booleans) -> _Floats:
    """Return the log of the mean variance of the cells that are kept, around each one's level."""
    near = np.exp(-0.5 * ((levels[kept] - _KNOTS[:, None]) / _BREADTH) ** 2)
    counts = near.sum(axis=1)
    known = counts >= _FEWEST
    if not known.any():
        return np.full(len(levels), np.log(variances[kept].mean()))
    means = (near[known] @ variances[kept]) / counts[known]
    found: _Floats = np.interp(levels, _KNOTS[known], np.log(means))
    return found


def residuals_of(levels: FloatArray) -> FloatArray:
    """Return (N, S, S, 3) cells without their best planes."""
    side = levels.shape[1]
    ramp = np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2)
    steep = np.float32(side * float(ramp @ ramp))
    left: FloatArray = levels - levels.mean(axis=(1, 2), keepdims=True)
    fall = np.einsum("y,nyxc->nc", ramp, left) / steep
    rise = np.einsum("x,nyxc->nc", ramp, left) / steep
    left -= fall[:, None, None, :] * ramp[:, None, None]
    left -= rise[:, None, None, :] * ramp[None, :, None]
    return left
