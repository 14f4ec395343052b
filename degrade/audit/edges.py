"""How wide edges are, and how far they overshoot."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["measure_edges"]

Levels = npt.NDArray[np.float32]

_REACH = 8
_LEAST_EDGES = 12
_MOST_EDGES = 600
_LEAST_STEP = 24.0
_STRAIGHT = 0.35


def measure_edges(luma: Levels) -> tuple[float, float]:
    """Return the width of upright and level edges, and how far they overshoot.

    Parameters
    ----------
    luma : (H, W) float32 array
        Grey levels.

    Returns
    -------
    width : float
        Pixels: the step over the steepest slope of the mean edge.
    overshoot : float
        Share of the step by which the mean edge swings beyond its two sides, mean of both.
        Both are NaN where there are fewer than twelve clear edges.
    """
    profiles = np.concatenate([_profiles(luma), _profiles(np.ascontiguousarray(luma.T))])
    if len(profiles) < _LEAST_EDGES:
        return float("nan"), float("nan")
    mean = profiles.mean(axis=0)
    slope = float(np.diff(mean).max())
    bright, dark = mean[_REACH + 1 : _REACH + 5].max() - 1, -mean[_REACH - 4 : _REACH].min()
    return 1 / max(slope, 1e-3), float(bright + dark) / 2


def _profiles(luma: Levels) -> npt.NDArray[np.float64]:
    """Return (N, 17) profiles of edges across rows, from 0 on the dark side to 1."""
    across = ndimage.gaussian_filter1d(ndimage.sobel(luma, axis=1) / 8, 1.0, axis=0)
    along = ndimage.sobel(luma, axis=0) / 8
    strength = np.abs(across)
    peak = ndimage.maximum_filter1d(strength, 2 * 3 + 1, axis=1)
    found = (strength == peak) & (np.abs(along) < _STRAIGHT * strength)
    found[:, :_REACH] = found[:, -_REACH:] = False
    inner = strength[:, _REACH:-_REACH]
    if not inner.size:
        return np.empty((0, 2 * _REACH + 1))
    found &= strength > max(np.quantile(inner, 0.9), _LEAST_STEP / 16)
    rows, columns = np.nonzero(found)
    order = np.argsort(-strength[rows, columns], kind="stable")[: 4 * _MOST_EDGES]
    rows, columns = rows[order], columns[order]
    taken = luma[rows[:, None], columns[:, None] + np.arange(-_REACH, _REACH + 1)].astype(float)
    taken = np.where(across[rows, columns, None] < 0, taken[:, ::-1], taken)
    dark, bright = taken[:, :3], taken[:, -3:]
    low, high = dark.mean(axis=1), bright.mean(axis=1)
    step = high - low
    calm = np.maximum(np.ptp(dark, axis=1), np.ptp(bright, axis=1)) < 0.2 * step
    clear = (step > _LEAST_STEP) & calm
    return np.asarray(((taken - low[:, None]) / np.maximum(step, 1)[:, None])[clear][:_MOST_EDGES])
