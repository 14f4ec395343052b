"""NIQE: how far an image's statistics are from those of clean photos of one's own choice.

No opinion of anybody goes in, and no image of anybody else: the photos that it is fitted to are the
user's. So its figures compare images of one evaluation, and not with published ones.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy

from degrade.arrays import AnyArray
from degrade.errors import InvalidValueError
from degrade.luma import luma_studio
from degrade.resample import imresize

__all__ = [
    "LEAST_PATCHES",
    "PATCH",
    "NaturalModel",
    "PatchStatistics",
    "describe_patches",
    "fit_natural",
    "niqe",
]

PATCH = 96
"""Pixels a side of the patches that are described."""

LEAST_PATCHES = 100
"""Of clean photos: with fewer the covariance of the 36 figures is chance."""

_HALO = 16
_RADIUS, _SIGMA = 3, 7 / 6
_SHARP = 0.75
_NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class PatchStatistics:
    """The patches of one image.

    Attributes
    ----------
    figures : (N, 36) float64 array
        18 of each of two scales: shape and spread of the normalised levels, and shape, mean and
        both spreads of the products of neighbours in four directions.
    sharpness : (N,) float64 array
        Mean local standard deviation, in grey levels.
    """

    figures: _Floats
    sharpness: _Floats


@dataclass(frozen=True, slots=True, eq=False)
class NaturalModel:
    """A normal distribution of the figures of clean patches.

    Attributes
    ----------
    mean : (36,) float64 array
    covariance : (36, 36) float64 array
    patches : int
    """

    mean: _Floats
    covariance: _Floats
    patches: int


def describe_patches(image: AnyArray, *, border: int = 0) -> PatchStatistics:
    """Measure the patches of 96 × 96 pixels of an image.

    Parameters
    ----------
    image : (H, W, 3) uint8 array, or float array on [0, 1]
    border : int
        Pixels that are left out along each edge.

    References
    ----------
    Mittal, Soundararajan, Bovik, "Making a 'Completely Blind' Image Quality Analyzer", IEEE SPL
    2013. Here on Y of BT.601, as super-resolution papers do; the second scale is
    :func:`degrade.resample.imresize` by one half.
    """
    inner = tuple(slice(border, length - border) for length in image.shape[:2])
    part = image[inner]
    figures: list[list[float]] = []
    sharpness: list[float] = []
    rows, columns = (max(length, 0) // PATCH for length in part.shape[:2])
    for row in range(rows if columns else 0):
        for first, second, spread in _row_of_patches(part, row, columns):
            numbers = [*_figures(first), *_figures(second)]
            if np.isfinite(numbers).all():
                figures.append(numbers)
                sharpness.append(float(spread.mean()))
    return PatchStatistics(np.array(figures).reshape(-1, 36), np.array(sharpness))


def fit_natural(photos: Sequence[PatchStatistics]) -> NaturalModel:
    """Fit the model to the sharp patches of clean photos.

    Sharp are those with more than 0.75 of the sharpness of the sharpest of their photo.

    Raises
    ------
    InvalidValueError
        They are fewer than 100.
    """
    chosen = [
        photo.figures[photo.sharpness > _SHARP * photo.sharpness.max()]
        for photo in photos
        if len(photo.sharpness)
    ]
    figures = np.concatenate(chosen) if chosen else np.empty((0, 36))
    if len(figures) < LEAST_PATCHES:
        raise InvalidValueError(
            f"{len(figures)} sharp patches of {PATCH} pixels a side are too few: at least "
            f"{LEAST_PATCHES} are needed"
        )
    return NaturalModel(figures.mean(axis=0), np.cov(figures.T), len(figures))


def niqe(image: AnyArray, model: NaturalModel, *, border: int) -> float | None:
    """Return the distance of an image's patches from the model's; 0 is best, None: no patch.

    Parameters
    ----------
    image : (H, W, 3) uint8 array, or float array on [0, 1]
    model : NaturalModel
    border : int
    """
    figures = describe_patches(image, border=border).figures
    if not len(figures):
        return None
    covariance = np.cov(figures.T) if len(figures) > 1 else np.zeros_like(model.covariance)
    difference = figures.mean(axis=0) - model.mean
    inverse = np.linalg.pinv((covariance + model.covariance) / 2, hermitian=True)
    return float(np.sqrt(max(difference @ inverse @ difference, 0.0)))


def _row_of_patches(
    image: AnyArray, row: int, columns: int
) -> Iterator[tuple[_Floats, _Floats, _Floats]]:
    """Yield of each patch of a row: normalised levels, the same at half size, local deviations."""
    top = row * PATCH
    first, last = max(top - _HALO, 0), min(top + PATCH + _HALO, image.shape[0])
    plane = luma_studio(image[first:last])
    half = imresize(plane.astype(np.float32), 0.5).astype(np.float64)
    whole, spread = _normalised(plane)
    coarse, _ = _normalised(half)
    for column in range(columns):
        places = []
        for side, begin in ((PATCH, top - first), (PATCH // 2, (top - first) // 2)):
            left = column * side
            places.append((slice(begin, begin + side), slice(left, left + side)))
        yield whole[places[0]], coarse[places[1]], spread[places[0]]


def _normalised(plane: _Floats) -> tuple[_Floats, _Floats]:
    """Return levels less their local mean over the local deviation plus 1, and that deviation."""
    smooth = functools.partial(
        scipy.ndimage.gaussian_filter, sigma=_SIGMA, radius=_RADIUS, mode="nearest"
    )
    mean = smooth(plane)
    deviation = np.sqrt(np.abs(smooth(plane * plane) - mean * mean))
    return (plane - mean) / (deviation + 1), deviation


def _figures(levels: _Floats) -> list[float]:
    shape, left, right = _asymmetric_fit(levels)
    found = [shape, (left + right) / 2]
    for rows, columns in _NEIGHBOURS:
        products = levels * np.roll(levels, (rows, columns), axis=(0, 1))
        shape, left, right = _asymmetric_fit(products)
        mean = (right - left) * np.exp(
            scipy.special.gammaln(2 / shape) - scipy.special.gammaln(1 / shape)
        )
        found += [shape, float(mean), left, right]
    return found


def _asymmetric_fit(values: _Floats) -> tuple[float, float, float]:
    """Fit an asymmetric generalised normal distribution by its moments.

    Returns
    -------
    shape, left, right : float
        The exponent, and the scales of both sides; NaN where one side is empty.

    References
    ----------
    Lasmar, Stitou, Berthoumieu, "Multiscale skewed heavy tailed model for texture analysis", ICIP
    2009.
    """
    squares = values * values
    below, above = values < 0, values > 0
    if not (below.any() and above.any()):
        return (float("nan"),) * 3
    left = float(np.sqrt(squares[below].mean()))
    right = float(np.sqrt(squares[above].mean()))
    ratio = left / right
    moments = float(np.abs(values).mean() ** 2 / squares.mean())
    moments *= (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    shapes, curve = _shapes()
    shape = float(shapes[np.abs(curve - moments).argmin()])
    factor = np.exp((scipy.special.gammaln(1 / shape) - scipy.special.gammaln(3 / shape)) / 2)
    return shape, left * float(factor), right * float(factor)


@functools.cache
def _shapes() -> tuple[_Floats, _Floats]:
    """Return shapes from 0.2 to 10, and Γ(2/a)² / (Γ(1/a) Γ(3/a)) of each."""
    shapes = np.arange(200, 10001) / 1000
    gammaln = scipy.special.gammaln
    curve = np.exp(2 * gammaln(2 / shapes) - gammaln(1 / shapes) - gammaln(3 / shapes))
    return shapes, curve
