"""Grain: how noise goes on from pixel to pixel and from channel to channel."""

from __future__ import annotations

import functools
import math
from typing import Annotated, NamedTuple

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray, U8Array
from degrade.noise.cells import cells_of, describe_cells, flat_among
from degrade.noise.mixing import GREYS, fit_correlations, turned
from degrade.noise.normals import UNIT, draw_normals
from degrade.noise.statistics import LAGS, PRODUCTS, RADIUS, NoiseStatistics, flat_grain

__all__ = ["Grain", "draw_grain", "fit_grain"]

_TAP_UNIT, _MIX_UNIT, _WHITE_UNIT = 256, 64, 16
_MOST_PART = 8
_FEWEST = 8
_ROUNDS, _TRIAL = 4, 320
_SIDE, _TRIES, _WIDE = 16, 12, 2 * RADIUS + 1
_LEAST_POWER = 1e-3
_ALIKE = 0.995
"""Correlation from which on channels are one: of gray photos."""

_LOWER = np.tril_indices(3)

_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]

_Tap = Annotated[int, msgspec.Meta(ge=-2 * _TAP_UNIT, le=2 * _TAP_UNIT)]
_HalfTaps = Annotated[tuple[_Tap, ...], msgspec.Meta(min_length=len(LAGS), max_length=len(LAGS))]
_Part = Annotated[int, msgspec.Meta(ge=-_MOST_PART * _MIX_UNIT, le=_MOST_PART * _MIX_UNIT)]
_Triangle = tuple[_Part, _Part, _Part, _Part, _Part, _Part]


class Grain(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What white noise becomes grain by.

    Attributes
    ----------
    taps : six tuples of 25 int
        7×7 filters, in units of 1/256: red of the first white noise, green of the first and the
        second, blue of all three. The squares of a channel's sum to about 1. Of each filter what
        stands at :data:`degrade.noise.statistics.LAGS`, and on the other side too.
    mixing : nine tuples of 6 int
        What the channels are then made of, at :data:`degrade.noise.mixing.GREYS`, in units of
        1/64: red; green's red and green; blue's red, green and blue.
    """

    taps: Annotated[tuple[_HalfTaps, ...], msgspec.Meta(min_length=6, max_length=6)]
    mixing: Annotated[
        tuple[_Triangle, ...], msgspec.Meta(min_length=len(GREYS), max_length=len(GREYS))
    ]


class _Filters(NamedTuple):
    """What a grain is drawn with.

    Attributes
    ----------
    taps : (6, 7, 7) float32 array
        Whole numbers.
    sizes : three numpy.float32
        What makes the channels' standard deviations 1.
    parts : (1, 256, 6) float32 array
        What the channels are made of, by level.
    """

    taps: FloatArray
    sizes: tuple[np.float32, ...]
    parts: FloatArray


@functools.lru_cache(maxsize=256)
def _filters_of(grain: Grain) -> _Filters:
    taps = np.stack([_whole(np.array(half)) for half in grain.taps])
    squares = np.add.reduceat((taps**2).sum(axis=(1, 2)), [0, 1, 3]).tolist()
    # The squares as they are, after rounding.
    sizes = tuple(np.float32(1 / (_WHITE_UNIT * math.sqrt(max(one, 1)))) for one in squares)
    nodes, step = np.array(grain.mixing, np.int64), int(GREYS[1])
    at, rest = np.divmod(np.arange(256), step)
    between = nodes[at] * (step - rest)[:, None] + nodes[at + 1] * rest[:, None]
    parts = (between / (step * _MIX_UNIT)).astype(np.float32)
    return _Filters(taps.astype(np.float32), sizes, parts[None])


def fit_grain(measured: NoiseStatistics) -> tuple[Grain, _Floats]:
    """Fit the grain that flat cells show.

    Planes take some of the noise along, and of pure noise too some cells are refused. So the
    grain's own noise goes the same way, and the grain is changed until both look alike.

    Parameters
    ----------
    measured : NoiseStatistics

    Returns
    -------
    grain : Grain
    kept : (3,) float64 array
        Share of the variance that planes leave.
    """
    wanted = np.array(measured.grain)
    wanted[:3] /= wanted[:3, :1]
    mixing = turned(*fit_correlations(measured.table()))
    is_grey = wanted[3:, 0].min() >= _ALIKE
    if is_grey:
        wanted = np.broadcast_to(wanted.mean(axis=0), wanted.shape)
        mixing = np.broadcast_to(np.eye(3), mixing.shape)
    target, kept, still = wanted.copy(), np.ones(3), np.broadcast_to(np.eye(3), mixing.shape)
    for _ in range(_ROUNDS):
        taps = _fit_taps(target)
        if is_grey:
            taps[1:] = taps[0]  # made of the first white noise alone
        trial = describe_cells(_trial_cells(_as_integers(taps, still)))
        kept = trial.variances.mean(axis=0)
        flat = flat_among(trial)
        if flat.sum() < _FEWEST:
            break
        target += wanted - flat_grain(trial.levels[flat])
    return _as_integers(taps, mixing), kept


def _trial_cells(grain: Grain) -> FloatArray:
    grey = np.full((_TRIAL, _TRIAL), 128, np.uint8)
    return cells_of(draw_grain(grain, grey, 0) + np.float32(128))


def _as_integers(taps: _Floats, mixing: _Floats) -> Grain:
    whole = np.rint(np.clip(taps, -2, 2) * _TAP_UNIT).astype(np.int64)
    halves = tuple(
        tuple(int(one[RADIUS + y, RADIUS + x]) for y, x in LAGS) for one in whole[_LOWER]
    )
    parts = np.rint(np.clip(mixing, -_MOST_PART, _MOST_PART) * _MIX_UNIT).astype(np.int64)
    return Grain(halves, tuple(tuple(part[_LOWER].tolist()) for part in parts))


def _whole(half: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return (7, 7) values of both half planes from those of one."""
    plane = np.zeros((_WIDE, _WIDE), half.dtype)
    for (y, x), value in zip(LAGS, half, strict=True):
        plane[RADIUS + y, RADIUS + x] = plane[RADIUS - y, RADIUS - x] = value
    return plane


def _fit_taps(wanted: _Floats) -> _Floats:
    """Return filters, (3, 3, 7, 7), that give white noise these (6, 25) correlations.

    They are the triangular root of its spectrum, frequency by frequency.
    """
    goal = _matrices(wanted)
    target = goal.copy()
    taps = np.zeros_like(goal)
    for _ in range(_TRIES):
        plane = np.zeros((3, 3, _SIDE, _SIDE))
        plane[:, :, :_WIDE, :_WIDE] = target
        power = np.fft.rfft2(np.roll(plane, (-RADIUS, -RADIUS), (2, 3))).real
        root = np.fft.irfft2(_roots(power), (_SIDE, _SIDE))
        taps = np.roll(root, (RADIUS, RADIUS), (2, 3))[:, :, :_WIDE, :_WIDE]
        taps = taps / np.sqrt((taps**2).sum(axis=(1, 2, 3), keepdims=True))
        # What was cut off is made good for by asking for more.
        target = target + 0.5 * (goal - _products(taps))
    return taps


def _matrices(halves: _Floats) -> _Floats:
    """Return (3, 3, 7, 7) correlations."""
    found = np.empty((3, 3, _WIDE, _WIDE))
    for (one, other), half in zip(PRODUCTS, halves, strict=True):
        found[one, other] = found[other, one] = _whole(half)
    return found


def _roots(power: _Floats) -> _Floats:
    """Return the lower triangles whose squares are (3, 3, H, W) spectra, made positive."""
    matrices = np.moveaxis(power, (0, 1), (2, 3))
    values, vectors = np.linalg.eigh(matrices)
    values = np.maximum(values, _LEAST_POWER)
    roots = np.linalg.cholesky((vectors * values[..., None, :]) @ np.swapaxes(vectors, -1, -2))
    return np.moveaxis(roots, (2, 3), (0, 1))


def _products(taps: _Floats) -> _Floats:
    """Return the correlations, (3, 3, 7, 7), of white noise that is filtered so."""
    spectra = np.fft.rfft2(taps, (2 * _WIDE, 2 * _WIDE))
    power = np.einsum("ckyx,dkyx->cdyx", spectra, spectra.conj())
    lags = np.roll(np.fft.irfft2(power, (2 * _WIDE, 2 * _WIDE)), (RADIUS, RADIUS), (2, 3))
    return lags[:, :, :_WIDE, :_WIDE]


def draw_grain(grain: Grain, grey: U8Array, seed: int) -> FloatArray:
    """Draw (h, w, 3) noise of standard deviation 1 and of this grain, without repetition.

    White whole numbers are filtered in whole numbers below 2²⁴, which float32 holds: no order of
    additions, and no fused one, can change a bit.

    Parameters
    ----------
    grain : Grain
    grey : (h, w) uint8 array
        Levels of (R + 2 G + B) / 4, for the correlation of the channels.
    seed : int
        At least 0.
    """
    high, wide = (side + 2 * RADIUS for side in grey.shape)
    count = high * wide * 3
    drawn = draw_normals(seed, count + -count % 4)[:count].reshape(high, wide, 3)
    shift = UNIT // _WHITE_UNIT
    white = cv2.split(((drawn + np.int16(shift // 2)) // np.int16(shift)).astype(np.float32))
    found = _filters_of(grain)
    filters, grains = iter(found.taps), []
    for size, channel in zip(found.sizes, range(3), strict=True):
        total = np.zeros(grey.shape, np.float32)
        for plane in white[: channel + 1]:
            filtered = cv2.filter2D(plane, cv2.CV_32F, next(filters))
            total += filtered[RADIUS:-RADIUS, RADIUS:-RADIUS]
        total *= size
        grains.append(total)
    return _mixed(grains, found.parts, grey)


def _mixed(grains: list[FloatArray], parts: FloatArray, grey: U8Array) -> FloatArray:
    """Return the channels, made of others as the level asks for, (h, w, 3)."""
    each = iter(cv2.split(cv2.LUT(cv2.merge([grey] * parts.shape[-1]), parts)))
    noise = []
    for channel in range(3):
        total = grains[0] * next(each)
        for plane in grains[1 : channel + 1]:
            total += plane * next(each)
        noise.append(total)
    return np.asarray(cv2.merge(noise))
