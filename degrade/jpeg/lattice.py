"""How far coefficients speak for each quantisation step: multiples of it, or anything.

A coefficient that was quantised is a multiple of its step, but for the rounding of pixels to whole
levels. Its likelihood against a coefficient of a smooth distribution is summed up for each step. Of
coefficients that the step would have made zero only what speaks against it counts: photos have many
small ones anyway.
"""

from __future__ import annotations

import functools
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from degrade.arrays import FloatArray

__all__ = ["LARGEST_STEP", "coefficient_counts", "evidence_for_steps"]

LARGEST_STEP = 255
_LARGEST = 160
"""Larger coefficients, of either sign, are left aside."""

_FINE = 8
"""Bins for each unit of a coefficient."""

_BINS = _LARGEST * _FINE
_ENDS = (0, _BINS // 16, _BINS // 8, _BINS // 4, _BINS // 2, _BINS)
"""Frequencies are taken together by how large their coefficients are."""

_ASTRAY = 0.05
"""The share of coefficients that something else has moved: none refutes a step alone."""

_VARIANCES = np.geomspace(0.09, 0.46, 6)
"""For which tables are kept; any variance takes the nearest."""


def coefficient_counts(coefficients: FloatArray) -> npt.NDArray[np.int64]:
    """Count the sizes of coefficients.

    Parameters
    ----------
    coefficients : (N, 64) float32 array

    Returns
    -------
    (64, bins) int64 array
        For :func:`evidence_for_steps`.
    """
    bins = np.minimum(np.abs(coefficients) * np.float32(_FINE), np.float32(_BINS)).astype(np.int32)
    bins += np.arange(64, dtype=np.int32) * (_BINS + 1)
    counts = np.bincount(bins.ravel(), minlength=64 * (_BINS + 1))
    return counts.reshape(64, _BINS + 1)[:, :_BINS]


def evidence_for_steps(
    counts: npt.NDArray[np.int64], variances: npt.NDArray[np.float64]
) -> FloatArray:
    """Return the log-likelihood ratio of each step against no quantisation.

    Parameters
    ----------
    counts : (64, bins) int64 array
        Of :func:`coefficient_counts`.
    variances : (64,) float64 array
        Of what rounding adds to each coefficient.

    Returns
    -------
    (64, 256) float32 array
        By frequency and step; step 0 is none and has 0.
    """
    nearest = np.abs(np.log(_VARIANCES) - np.log(variances)[:, None]).argmin(axis=1)
    found = np.zeros((64, LARGEST_STEP + 1), np.float32)
    # Most frequencies have no large coefficients.
    ends = _BINS - np.argmax(counts[:, ::-1] > 0, axis=1)
    ends[~counts.any(axis=1)] = 0
    seen = counts.astype(np.float32)
    for number in np.unique(nearest):
        for low, high in pairwise(_ENDS):
            chosen = (nearest == number) & (ends > low) & (ends <= high)
            if chosen.any():
                found[chosen, 1:] = seen[chosen, :high] @ _ratios(int(number))[:high]
    return found


@functools.cache
def _ratios(number: int) -> FloatArray:
    """Return the log-likelihood ratios, (bins, steps)."""
    variance = _VARIANCES[number]
    size = (np.arange(_BINS, dtype=np.float32)[:, None] + np.float32(0.5)) / np.float32(_FINE)
    step = np.arange(1, LARGEST_STEP + 1, dtype=np.float32)
    away = size - np.rint(size / step) * step
    density = np.exp(-(away**2) / (2 * variance))
    near = int(np.ceil(4 * np.sqrt(variance)))  # only small steps have neighbours that reach here
    for turn in (-2, -1, 1, 2):
        few = away[:, :near] + turn * step[:near]
        density[:, :near] += np.exp(-(few**2) / (2 * variance))
    ratio = (1 - _ASTRAY) * step * density / np.sqrt(2 * np.pi * variance) + _ASTRAY
    logs = np.log(ratio)
    found: FloatArray = np.where(size < step / 2, np.minimum(logs, 0), logs).astype(np.float32)
    return found
