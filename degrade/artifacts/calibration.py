"""Weights by kind of texture, from results without artefacts: what to do without a segmenter.

The published weights are of semantic classes: similarity is divided by the value above which 85 %
of the class's pixels lie in good results. Here the classes are kinds of texture, told by the MSE
result alone, and the good results are the user's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from degrade.arrays import FloatArray, U8Array
from degrade.artifacts.similarity import local_deviation, texture_similarity
from degrade.errors import InvalidValueError

__all__ = ["TextureSamples", "TextureWeights", "calibrate", "sample_textures"]

_EDGES = np.array([0.5, 1, 2, 4, 8, 16, 32], np.float32)
"""Grey levels: what divides the kinds. The first is flat, the last the strongest edges."""

KINDS = len(_EDGES) + 1
_AREA = 33
"""Pixels a side: a kind is that of a neighbourhood, not of a line."""

_ABOVE = 0.85
_BINS = 1000
_FEWEST = 20_000
"""Pixels of a kind, below which nothing is known of it."""

_LEAST = 0.35
"""No weight above 20/7: what flagged nothing at all would be no calibration."""


@dataclass(frozen=True, slots=True, eq=False)
class TextureSamples:
    """How often each similarity was met in each kind of texture: (kinds, 1000) counts."""

    counts: np.ndarray

    def __add__(self, other: TextureSamples) -> TextureSamples:
        return TextureSamples(self.counts + other.counts)


@dataclass(frozen=True, slots=True)
class TextureWeights:
    """The weight of each kind of texture, and from how many pixels it is known.

    Attributes
    ----------
    weights : tuple of float
        At least 1; 1 where there are too few pixels.
    pixels : tuple of int
    """

    weights: tuple[float, ...]
    pixels: tuple[int, ...]

    def of(self, mse_u8: U8Array) -> FloatArray:
        """Return the weight of each pixel of an MSE result: (H, W) float32 array."""
        return np.asarray(np.array(self.weights, np.float32)[_kinds(mse_u8)])


def sample_textures(mse_u8: U8Array, gan_u8: U8Array) -> TextureSamples:
    """Count the similarities of a pair of results without artefacts.

    Parameters
    ----------
    mse_u8, gan_u8 : (H, W, 3) uint8 arrays

    Raises
    ------
    InvalidValueError
        As :func:`texture_similarity`.
    """
    similarity = texture_similarity(mse_u8, gan_u8)
    places = np.minimum((similarity * _BINS).astype(np.int64), _BINS - 1)
    both = _kinds(mse_u8) * _BINS + places
    counts = np.bincount(both.ravel(), minlength=KINDS * _BINS)
    return TextureSamples(counts.reshape(KINDS, _BINS))


def calibrate(samples: Sequence[TextureSamples]) -> TextureWeights:
    """Return the weights that leave 85 % of each kind of texture above 1.

    Raises
    ------
    InvalidValueError
        There are no samples.
    """
    if not samples:
        raise InvalidValueError("calibration needs at least one pair of results")
    counts = sum((each.counts for each in samples[1:]), samples[0].counts)
    pixels = counts.sum(axis=1)
    weights = []
    for kind, total in zip(counts, pixels, strict=True):
        if total < _FEWEST:
            weights.append(1.0)
            continue
        reached = int(np.searchsorted(np.cumsum(kind), (1 - _ABOVE) * total, side="right"))
        weights.append(1 / max(reached / _BINS, _LEAST))
    return TextureWeights(tuple(weights), tuple(int(total) for total in pixels))


def _kinds(mse_u8: U8Array) -> np.ndarray:
    """Return the kind of texture around each pixel: (H, W) int64 array, 0 … KINDS - 1."""
    deviation = local_deviation(mse_u8)
    around = np.asarray(cv2.blur(deviation, (_AREA, _AREA), borderType=cv2.BORDER_REFLECT_101))
    return np.searchsorted(_EDGES, around, side="right")
