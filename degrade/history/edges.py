"""Profiles across the straight edges of a photo: how light goes over from dark to bright.

Across a step in the scene the profile is the integral of the blur kernel in that direction. Edges
of photos are no steps of a test chart, but the sharpest of many come near to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray
from degrade.history.windows import SIDE

__all__ = ["PLACES", "EdgeProfiles", "find_edges"]

_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]

_REACH, _STEP = 7, 0.25
PLACES: _Floats = np.arange(-_REACH + _STEP / 2, _REACH, _STEP)
"""Where profiles are told: pixels from the edge, the middles of 56 bins."""

_HALF = 8
"""A patch about an edge has 17 × 17 pixels."""

_TILE = 12
_MOST = 400
_LEAST_CONTRAST = 16.0
_STRAIGHT = 0.8
_FLAT = 0.2
_PLATEAU, _ASIDE = 3.5, 4.0
_DARKEST, _BRIGHTEST = 3.0, 252.0


@dataclass(frozen=True, slots=True, eq=False)
class EdgeProfiles:
    """What was found; N edges.

    Attributes
    ----------
    profiles : (N, 56) float64 array
        From 0 on the dark side to 1 on the bright one, the half at 0: at ``PLACES``.
    angles : (N,) float64 array
        Direction across the edge, radians in [0, π): 0 is along the rows, π/2 down the columns.
    widths : (N,) float64 array
        From a tenth to nine tenths, pixels.
    """

    profiles: _Floats
    angles: _Floats
    widths: _Floats

    def __len__(self) -> int:
        """Return the number of edges."""
        return len(self.widths)

    def part(self, chosen: npt.NDArray[np.generic]) -> EdgeProfiles:
        """Return some of the edges."""
        return EdgeProfiles(self.profiles[chosen], self.angles[chosen], self.widths[chosen])


def find_edges(windows: FloatArray) -> EdgeProfiles:
    """Find straight edges between two flat parts, at most 400.

    Parameters
    ----------
    windows : (N, 64, 64) float32 array
        Luma on [0, 255], from :func:`~degrade.history.windows.spread_windows`.
    """
    stack = windows.reshape(-1, SIDE)
    across, down = (cv2.Scharr(stack, cv2.CV_32F, *order) / 32 for order in ((1, 0), (0, 1)))
    gradient = np.asarray(cv2.magnitude(across, down), np.float32).reshape(windows.shape)
    number, row, column = _steepest(gradient)
    offsets = np.arange(-_HALF, _HALF + 1)
    place = (
        number[:, None, None],
        row[:, None, None] + offsets[:, None],
        column[:, None, None] + offsets[None, :],
    )
    patches = windows[place]
    gx, gy = (part.reshape(windows.shape)[place] for part in (across, down))
    # Only what is near counts: another edge may be in the corner.
    fade = np.exp(-(offsets[:, None] ** 2 + offsets**2) / (2 * 4.0**2)).astype(np.float32)
    xx, yy, xy = (
        (one * other * fade).sum(axis=(1, 2)) for one, other in ((gx, gx), (gy, gy), (gx, gy))
    )
    coherence = np.hypot(xx - yy, 2 * xy) / (xx + yy + 1e-6)
    angles = 0.5 * np.arctan2(2 * xy, xx - yy)
    sign = (gx * fade).sum(axis=(1, 2)) * np.cos(angles) + (gy * fade).sum(axis=(1, 2)) * np.sin(
        angles
    )
    towards = np.where(sign < 0, angles + np.pi, angles)
    straight = coherence > _STRAIGHT
    return _profiles(patches[straight], towards[straight])


def _steepest(gradient: FloatArray) -> tuple[_Integers, _Integers, _Integers]:
    """Return the steepest pixel of each tile, of the steepest tiles."""
    tiles = range(_HALF, SIDE - _HALF - _TILE + 1, _TILE)
    found = []
    for top in tiles:
        for left in tiles:
            part = gradient[:, top : top + _TILE, left : left + _TILE].reshape(len(gradient), -1)
            best = part.argmax(axis=1)
            strength = part[np.arange(len(part)), best]
            place = np.arange(len(part)), top + best // _TILE, left + best % _TILE
            found.append(np.stack([*place, strength]))
    number, row, column, strength = np.concatenate(found, axis=1)
    order = np.argsort(-strength, kind="stable")[:_MOST]
    first, second, third = (part[order].astype(np.int64) for part in (number, row, column))
    return first, second, third


def _profiles(patches: FloatArray, towards: npt.NDArray[np.floating]) -> EdgeProfiles:
    """Return the profiles of patches that have a step; ``towards`` points to the bright side."""
    offsets = np.arange(-_HALF, _HALF + 1)
    cosines, sines = np.cos(towards)[:, None, None], np.sin(towards)[:, None, None]
    along = offsets[None, None, :] * cosines + offsets[None, :, None] * sines
    aside = offsets[None, :, None] * cosines - offsets[None, None, :] * sines
    near = np.abs(aside) <= _ASIDE
    levels, middle = _plateaus(patches, along, near)
    dark, bright = levels[:, 0], levels[:, 1]
    contrast = bright - dark
    good = (contrast >= _LEAST_CONTRAST) & (levels[:, 2] <= _FLAT * contrast)
    good &= (dark > _DARKEST) & (bright < _BRIGHTEST)
    patches, along, near = patches[good], along[good] - middle[good, None, None], near[good]
    dark, contrast, angles = dark[good], contrast[good], np.mod(towards[good], np.pi)
    values = (patches - dark[:, None, None]) / contrast[:, None, None]
    profiles = _binned(values, along, near)
    widths = np.array([_width(profile) for profile in profiles])
    sound = np.isfinite(widths) & np.isfinite(profiles).all(axis=1)
    return EdgeProfiles(profiles[sound], angles[sound].astype(np.float64), widths[sound])


def _plateaus(
    patches: FloatArray, along: npt.NDArray[np.floating], near: npt.NDArray[np.bool_]
) -> tuple[_Floats, _Floats]:
    """Return (dark level, bright level, larger deviation) and the place of the half between."""
    found, values = [], patches.astype(np.float64)
    for side in (-along, along):
        there = near & (side >= _PLATEAU) & (side <= _REACH)
        count = there.sum(axis=(1, 2)) + 1e-9
        mean = (values * there).sum(axis=(1, 2)) / count
        spread = ((values - mean[:, None, None]) ** 2 * there).sum(axis=(1, 2)) / count
        found.append((mean, np.sqrt(spread)))
    (dark, one), (bright, other) = found
    inside = near & (np.abs(along) <= _REACH)
    share = (values - dark[:, None, None]) / (bright - dark + 1e-9)[:, None, None]
    # Of a step at m, the mean of the share over -R…R is (R - m) / 2R.
    mean = (share * inside).sum(axis=(1, 2)) / (inside.sum(axis=(1, 2)) + 1e-9)
    return np.stack([dark, bright, np.maximum(one, other)], axis=1), _REACH * (1 - 2 * mean)


def _binned(
    values: npt.NDArray[np.floating],
    along: npt.NDArray[np.floating],
    near: npt.NDArray[np.bool_],
) -> _Floats:
    count, bins = len(values), len(PLACES)
    if not count:
        return np.zeros((0, bins))
    index = np.floor((along + _REACH) / _STEP).astype(np.int64)
    inside = near & (index >= 0) & (index < bins)
    flat = (np.arange(count)[:, None, None] * bins + index)[inside]
    sums = np.bincount(flat, values[inside], count * bins).reshape(count, bins)
    counts = np.bincount(flat, minlength=count * bins).reshape(count, bins)
    profiles = np.full((count, bins), np.nan)
    np.divide(sums, counts, out=profiles, where=counts > 0)
    for profile in profiles[np.isnan(profiles).any(axis=1)]:
        known = ~np.isnan(profile)
        if known.sum() > bins // 2:
            profile[~known] = np.interp(PLACES[~known], PLACES[known], profile[known])
    return profiles


def _width(profile: _Floats) -> float:
    """Return how far it is from a tenth to nine tenths; NaN when it is no step."""
    above = profile >= 0.9
    below = profile <= 0.1
    if not above.any() or not below.any():
        return np.nan
    first = int(above.argmax())
    last = len(profile) - 1 - int(below[::-1].argmax())
    if last > first:  # it comes back, or noise does
        middle = len(profile) // 2
        first = middle + int(above[middle:].argmax()) if above[middle:].any() else first
        before = below[:middle][::-1]
        last = middle - 1 - int(before.argmax()) if before.any() else last
    return float(max(PLACES[first] - PLACES[last], _STEP))
