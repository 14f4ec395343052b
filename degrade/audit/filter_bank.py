"""Super-resolution by a bank of linear filters, learned in closed form within seconds.

A stand-in for training a network: which pairs teach the better filters is known without any
randomness of training. Each LR pixel has a class by the gradient around it, and each class has one
9×9 filter for each of the HR pixels that lie in the LR pixel. The filters correct bicubic
interpolation, so a class that hardly occurs stays with that.

References
----------
Romano, Isidoro, Milanfar, "RAISR: Rapid and Accurate Image Super-Resolution", TCI 2017: filters by
hashed gradients. Here with other classes, corrections instead of whole filters, and no blending.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from degrade.arrays import FloatArray
from degrade.errors import InvalidValueError
from degrade.resample import imresize

__all__ = ["CLASSES", "FilterBank", "FilterSums", "fit_filters", "sum_pair"]

Sums: TypeAlias = npt.NDArray[np.float64]

_DIRECTIONS, _STRENGTHS, _COHERENCES = 12, (4.0,), (0.5,)
CLASSES = _DIRECTIONS * (len(_STRENGTHS) + 1) * (len(_COHERENCES) + 1)
"""48: directions, by strength and coherence of the gradient."""

_SIDE = 9
_TAPS = _SIDE**2
_WINDOW_SIGMA = 1.2
_RIDGE = 4.0
"""Squared grey levels a sample: what keeps filters of noise small."""

_BORROWED = 3000.0
"""Samples; of few pairs rare classes would learn noise."""

_ROWS = 32


@dataclass(frozen=True, slots=True, eq=False)
class FilterSums:
    """What the filters are fitted from; sums of two sets of pairs are those of both together.

    Attributes
    ----------
    scale : int
    gram : (48, 81, 81) float64 array
    moment : (48, 81, scale²) float64 array
    count : (48,) float64 array
        Samples of each class.
    """

    scale: int
    gram: Sums
    moment: Sums
    count: Sums

    def __add__(self, other: FilterSums) -> FilterSums:
        """Return the sums of both."""
        if self.scale != other.scale:
            raise InvalidValueError(f"scales differ: {self.scale} and {other.scale}")
        return FilterSums(
            self.scale,
            self.gram + other.gram,
            self.moment + other.moment,
            self.count + other.count,
        )


@dataclass(frozen=True, slots=True, eq=False)
class FilterBank:
    """Filters that enlarge.

    Attributes
    ----------
    scale : int
    filters : (48, 81, scale²) float32 array
    """

    scale: int
    filters: FloatArray

    def enlarge(self, lr: FloatArray) -> FloatArray:
        """Return luma enlarged ``scale`` times.

        Parameters
        ----------
        lr : (h, w) float32 array
            In grey levels.

        Returns
        -------
        (h·scale, w·scale) float32 array
            Not clipped.
        """
        scale, (height, width) = self.scale, lr.shape
        classes = _classes(lr)
        correction = np.empty((height, width, scale**2), np.float32)
        for top in range(0, height, _ROWS):
            rows = slice(top, min(top + _ROWS, height))
            patches, of = _patches(lr, rows), classes[rows].ravel()
            part = np.empty((len(of), scale**2), np.float32)
            for number in np.unique(of):
                part[of == number] = patches[of == number] @ self.filters[number]
            correction[rows] = part.reshape(-1, width, scale**2)
        return imresize(lr, scale) + _from_phases(correction, scale)


def sum_pair(lr: FloatArray, hr: FloatArray) -> FilterSums:
    """Return what one pair adds.

    Parameters
    ----------
    lr, hr : (h, w) and (h·scale, w·scale) float32 arrays
        Luma in grey levels.

    Raises
    ------
    InvalidValueError
        HR is no whole multiple of LR.
    """
    scale = hr.shape[0] // lr.shape[0]
    if scale < 2 or hr.shape != (lr.shape[0] * scale, lr.shape[1] * scale):
        raise InvalidValueError(f"HR of {hr.shape} is no whole multiple of LR of {lr.shape}")
    missing = _to_phases(hr - imresize(lr, scale), scale)
    classes = _classes(lr)
    gram = np.zeros((CLASSES, _TAPS, _TAPS))
    moment, count = np.zeros((CLASSES, _TAPS, scale**2)), np.zeros(CLASSES)
    patches, wanted = _patches(lr, slice(0, lr.shape[0])), missing.reshape(-1, scale**2)
    order = np.argsort(classes.ravel(), kind="stable")
    ends = np.searchsorted(classes.ravel()[order], np.arange(CLASSES + 1))
    for number in range(CLASSES):
        chosen = order[ends[number] : ends[number + 1]]
        x, y = patches[chosen], wanted[chosen]
        gram[number], moment[number], count[number] = x.T @ x, x.T @ y, len(chosen)
    return FilterSums(scale, gram, moment, count)


def fit_filters(sums: FilterSums) -> FilterBank:
    """Return the filters that make the squared error of the pairs least.

    Each class has some samples of the mean of all classes besides its own, and a little ridge: a
    rare one then has the filter of all.
    """
    energy = np.trace(sums.gram, axis1=1, axis2=2)
    mean = energy.sum() / max(float(sums.count.sum()), 1.0)
    of_class = np.where(sums.count > 0, energy / np.maximum(sums.count, 1), mean)
    # As strong as the class's own: those of edges would drown what is nearly flat.
    share = (_BORROWED * of_class / max(float(energy.sum()), 1e-9))[:, None, None]
    gram = sums.gram + share * sums.gram.sum(axis=0)
    moment = sums.moment + share * sums.moment.sum(axis=0)
    ridge = _RIDGE * (sums.count[:, None, None] + _BORROWED)
    filters = np.linalg.solve(gram + ridge * np.eye(_TAPS), moment)
    return FilterBank(sums.scale, filters.astype(np.float32))


def _patches(lr: FloatArray, rows: slice) -> FloatArray:
    """Return the 9×9 surroundings of the pixels of some rows, less their mean."""
    reach = _SIDE // 2
    padded = np.pad(lr, reach, mode="symmetric")[rows.start : rows.stop + 2 * reach]
    windows = np.lib.stride_tricks.sliding_window_view(padded, (_SIDE, _SIDE))
    patches = windows.reshape(-1, _TAPS).astype(np.float32)
    patches -= patches.mean(axis=1, keepdims=True)
    return patches


def _classes(lr: FloatArray) -> npt.NDArray[np.int64]:
    """Return the class of each pixel, by the structure tensor around it."""
    down, right = (ndimage.sobel(lr, axis=axis) / 8 for axis in (0, 1))
    xx, yy, xy = (
        ndimage.gaussian_filter(product, _WINDOW_SIGMA)
        for product in (right * right, down * down, right * down)
    )
    spread = np.sqrt(np.square((xx - yy) / 2) + xy * xy)
    largest, least = (xx + yy) / 2 + spread, np.maximum((xx + yy) / 2 - spread, 0)
    angle = np.mod(np.arctan2(2 * xy, xx - yy) / 2, np.pi)
    direction = np.minimum((angle / np.pi * _DIRECTIONS).astype(np.int64), _DIRECTIONS - 1)
    strong, weak = np.sqrt(largest), np.sqrt(least)
    strength = np.digitize(strong, _STRENGTHS)
    coherence = np.digitize((strong - weak) / (strong + weak + 1e-3), _COHERENCES)
    classes = (direction * (len(_STRENGTHS) + 1) + strength) * (len(_COHERENCES) + 1) + coherence
    return np.asarray(classes, np.int64)


def _to_phases(hr: FloatArray, scale: int) -> FloatArray:
    height, width = hr.shape[0] // scale, hr.shape[1] // scale
    parts = hr.reshape(height, scale, width, scale).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(parts).reshape(height, width, scale**2)


def _from_phases(parts: FloatArray, scale: int) -> FloatArray:
    height, width = parts.shape[:2]
    blocks = parts.reshape(height, width, scale, scale).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(blocks).reshape(height * scale, width * scale)
