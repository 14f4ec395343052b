"""Grain: how noise goes on from pixel to pixel and from channel to channel."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.noise.cells import CELL, Cells, cut_cells, describe_cells, roughest
from degrade.noise.normals import UNIT, draw_normals

__all__ = ["Grain", "draw_grain", "fit_grain"]

_RADIUS = 3
_TAP_UNIT, _MIX_UNIT, _WHITE_UNIT = 256, 32, 16
_ROUNDS, _TRIAL = 6, 384
_SIDE = 32

_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Grain:
    """What white noise becomes grain by.

    Attributes
    ----------
    taps : (3, 7, 7) int64 array
        A filter for each channel, in units of 1/256; its squares sum to about 1.
    mixing : (3, 3) int64 array
        What the channels are made of, in units of 1/32; lower triangular.
    """

    taps: _Integers
    mixing: _Integers


def fit_grain(cells: Cells, weights: _Floats, least: float) -> tuple[Grain, _Floats]:
    """Fit the grain of cells.

    Planes take some of the noise along, and of pure noise too the smoother cells are refused. So
    the grain's own noise goes the same way, and the grain is changed until both look alike.

    Parameters
    ----------
    cells : Cells
        One at least.
    weights : (N,) float64 array
        What each counts.
    least : float
        How rough they are at least.

    Returns
    -------
    grain : Grain
    kept : (3,) float64 array
        Share of the variance that planes leave.
    """
    wanted, together = _products(cells, weights)
    target, correlations = wanted.copy(), together.copy()
    grain, kept = Grain(np.zeros((3, 7, 7), np.int64), np.eye(3, dtype=np.int64)), np.ones(3)
    for _ in range(_ROUNDS):
        taps = np.stack([_fit_taps(plane) for plane in target])
        grain = Grain(taps, _fit_mixing(correlations, taps))
        noise = draw_grain(grain, _TRIAL, _TRIAL, 0).astype(np.float64)
        trial = cut_cells(noise)
        whole = describe_cells(trial, np.zeros((len(trial), 2), np.int64))
        kept = whole.variances.mean(axis=0)
        tried = roughest(whole, least)
        if not len(tried.photo):
            break
        given, mixed = _products(tried, np.ones(len(tried.photo)))
        target += wanted - given
        correlations += together - mixed
    return grain, kept


def _products(cells: Cells, weights: _Floats) -> tuple[_Floats, _Floats]:
    """Return the autocovariance of each channel, (3, 7, 7), and the correlations, (3, 3)."""
    scaled = cells.residuals / np.sqrt(cells.variances)[:, None, None, :]
    planes = np.stack([_autocovariance(scaled[..., channel], weights) for channel in range(3)])
    together = np.einsum("n,nyxc,nyxd->cd", weights, scaled, scaled) / (CELL**2 * weights.sum())
    return planes, together


def _autocovariance(scaled: _Floats, weights: _Floats) -> _Floats:
    """Return the mean products at lags of -3 … 3, (7, 7); 1 in the middle."""
    lags = range(-_RADIUS, _RADIUS + 1)
    found = np.empty((len(lags), len(lags)))
    for y in lags:
        for x in lags:
            a = scaled[:, max(y, 0) : CELL + min(y, 0), max(x, 0) : CELL + min(x, 0)]
            b = scaled[:, max(-y, 0) : CELL + min(-y, 0), max(-x, 0) : CELL + min(-x, 0)]
            products = (a * b).mean(axis=(1, 2))
            found[y + _RADIUS, x + _RADIUS] = np.average(products, weights=weights)
    found /= found[_RADIUS, _RADIUS]
    return found


def _fit_taps(wanted: _Floats) -> _Integers:
    """Return a filter that gives white noise this autocovariance: the root of its spectrum."""
    size, target = 2 * _RADIUS + 1, wanted.copy()
    taps = np.zeros_like(wanted)
    for _ in range(_SIDE):
        plane = np.zeros((_SIDE, _SIDE))
        plane[:size, :size] = target
        power = np.fft.fft2(np.roll(plane, (-_RADIUS, -_RADIUS), (0, 1))).real
        root = np.fft.ifft2(np.sqrt(np.maximum(power, 1e-4))).real
        taps = np.roll(root, (_RADIUS, _RADIUS), (0, 1))[:size, :size]
        taps = taps / np.sqrt((taps**2).sum())
        # What was cut off is made good for by asking for more.
        padded = np.pad(taps, 2 * _RADIUS)
        given = cv2.filter2D(padded, cv2.CV_64F, taps, borderType=cv2.BORDER_CONSTANT)
        target = target + 0.5 * (wanted - given[2 * _RADIUS :, 2 * _RADIUS :][:size, :size])
    return np.rint(taps * _TAP_UNIT).astype(np.int64)


def _fit_mixing(together: _Floats, taps: _Integers) -> _Integers:
    """Return the mixing for which filtered noise has these correlations."""
    filters = taps.reshape(3, -1).astype(np.float64)
    wanted = np.clip(_as_correlations(together) / _as_correlations(filters @ filters.T), -1, 1)
    values, vectors = np.linalg.eigh(wanted)
    possible = _as_correlations((vectors * np.maximum(values, 0.01)) @ vectors.T)
    mixing: _Integers = np.rint(np.linalg.cholesky(possible) * _MIX_UNIT).astype(np.int64)
    return mixing


def _as_correlations(products: _Floats) -> _Floats:
    size = np.sqrt(np.diag(products))
    correlations: _Floats = products / np.outer(size, size)
    return correlations


def draw_grain(grain: Grain, height: int, width: int, seed: int) -> FloatArray:
    """Draw (height, width, 3) noise of standard deviation 1 and of this grain, without repetition.

    White whole numbers are mixed and filtered in whole numbers below 2²⁴, which float32 holds: no
    order of additions, and no fused one, can change a bit.
    """
    high, wide = height + 2 * _RADIUS, width + 2 * _RADIUS
    count = high * wide * 3
    drawn = draw_normals(seed, count + -count % 4)[:count].astype(np.int32)
    step = UNIT // _WHITE_UNIT
    white = ((drawn + step // 2) // step).reshape(high, wide, 3)
    noise = np.empty((height, width, 3), np.float32)
    for channel, (taps, parts) in enumerate(zip(grain.taps, grain.mixing, strict=True)):
        mixed = (white * parts.astype(np.int32)).sum(axis=2).astype(np.float32)
        filtered = cv2.filter2D(mixed, cv2.CV_32F, taps.astype(np.float32))
        # The squares as they are, after rounding.
        size = _WHITE_UNIT * np.sqrt(float((taps**2).sum() * (parts**2).sum()))
        inside = filtered[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
        np.multiply(inside, np.float32(1 / size), out=noise[..., channel])
    return noise
