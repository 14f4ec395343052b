"""Noise where a photo is flattest: how strong, how coarse, how the colours share it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["LEVEL_BOUNDS", "FlatNoise", "chroma_planes", "measure_flat_noise"]

Levels = npt.NDArray[np.float32]

LEVEL_BOUNDS = (70.0, 150.0)
"""Grey levels: where dark ends, and where bright begins."""

_BLOCK = 8
_FLATTEST = 0.1
_LEAST_BLOCKS = 24
_CLIPPED = (2.0, 253.0)
_HIGH_PASS = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
"""Of white noise it keeps the variance, of planes nothing (Immerkaer, CVIU 1996)."""

_LAGS = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0))


@dataclass(frozen=True, slots=True)
class FlatNoise:
    """Noise in the flattest tenth of a photo's blocks of 8×8.

    Attributes
    ----------
    level : float
        Standard deviation of the luma in grey levels, without what a Gaussian of σ 2 keeps.
    fine : float
        The same of what changes from pixel to pixel; of white noise both are its deviation.
    by_brightness : tuple of float
        ``level`` of dark, middle and bright blocks; NaN where there are too few.
    colour, fine_colour : float
        ``level`` and ``fine`` of Cb and Cr, root mean square.
    correlation : tuple of float
        Of the noise with itself at lags (0, 1), (1, 0), (1, 1), (0, 2), (2, 0).
    shared : float
        Correlation of red with green and green with blue, mean of the two.
    """

    level: float
    fine: float
    by_brightness: tuple[float, ...]
    colour: float
    fine_colour: float
    correlation: tuple[float, ...]
    shared: float


def measure_flat_noise(rgb: Levels, luma: Levels) -> FlatNoise | None:
    """Measure the noise of a photo's flattest blocks; None where all are clipped.

    Parameters
    ----------
    rgb : (H, W, 3) float32 array
        Grey levels, 0 … 255.
    luma : (H, W) float32 array
    """
    chroma = chroma_planes(rgb, luma)
    means, lowest, highest = map(_by_block, (luma, rgb.min(axis=2), rgb.max(axis=2)))
    usable = (lowest > _CLIPPED[0]) & (highest < _CLIPPED[1])
    if usable.sum() < _LEAST_BLOCKS:
        return None
    rest = _rest(luma)
    variances = _by_block(np.square(rest))
    edges = (-np.inf, *LEVEL_BOUNDS, np.inf)
    parts = [usable & (means >= a) & (means < b) for a, b in pairwise(edges)]
    flat = usable & (variances <= np.quantile(variances[usable], _FLATTEST))
    mask = np.kron(flat, np.ones((_BLOCK, _BLOCK), bool))
    inner = tuple(slice(0, length) for length in mask.shape)

    def level(planes: list[Levels]) -> float:
        return float(np.sqrt(np.mean([_by_block(np.square(each))[flat] for each in planes])))

    return FlatNoise(
        level=float(np.sqrt(variances[flat].mean())),
        fine=level([_high(luma)]),
        by_brightness=tuple(_flattest_level(variances[part]) for part in parts),
        colour=level([_rest(plane) for plane in chroma]),
        fine_colour=level([_high(plane) for plane in chroma]),
        correlation=_correlation(rest[inner], mask),
        shared=_shared([_rest(rgb[..., c])[inner][mask] for c in range(3)]),
    )


def chroma_planes(rgb: Levels, luma: Levels) -> tuple[Levels, Levels]:
    """Return Cb and Cr of BT.601, around 0, of an (H, W, 3) image and its (H, W) luma."""
    return 0.564 * (rgb[..., 2] - luma), 0.713 * (rgb[..., 0] - luma)


def _flattest_level(variances: npt.NDArray[np.floating]) -> float:
    if len(variances) < _LEAST_BLOCKS:
        return float("nan")
    return float(np.sqrt(variances[variances <= np.quantile(variances, _FLATTEST)].mean()))


def _by_block(plane: Levels) -> npt.NDArray[np.float64]:
    rows, columns = (length // _BLOCK for length in plane.shape)
    blocks = plane[: rows * _BLOCK, : columns * _BLOCK].reshape(rows, _BLOCK, columns, _BLOCK)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float64))


def _high(plane: Levels) -> Levels:
    return np.asarray(ndimage.correlate(plane, _HIGH_PASS, mode="mirror"), np.float32)


def _rest(plane: Levels) -> Levels:
    return np.asarray(plane - ndimage.gaussian_filter(plane, 2.0, mode="mirror"), np.float32)


def _correlation(rest: Levels, mask: npt.NDArray[np.bool_]) -> tuple[float, ...]:
    energy = float(np.square(rest[mask], dtype=np.float64).mean()) + 1e-6
    found = []
    for down, right in _LAGS:
        first = (slice(0, rest.shape[0] - down), slice(0, rest.shape[1] - right))
        second = (slice(down, None), slice(right, None))
        both = mask[first] & mask[second]
        products = rest[first][both].astype(np.float64) * rest[second][both]
        found.append(float(products.mean()) / energy if products.size else 0.0)
    return tuple(found)


def _shared(channels: list[Levels]) -> float:
    found = []
    for first, second in ((0, 1), (1, 2)):
        a, b = (channels[i].astype(np.float64) - channels[i].mean() for i in (first, second))
        found.append(float((a * b).mean() / np.sqrt((a * a).mean() * (b * b).mean() + 1e-6)))
    return sum(found) / len(found)
