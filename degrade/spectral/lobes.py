"""How far a kernel's negative lobes are believed."""

from __future__ import annotations

import numpy as np

from degrade.arrays import FloatArray

__all__ = ["bound_lobes"]

_DEEPEST = 0.25
"""What the negative taps of a round kernel sum to at the most: cameras' reach 0.1 to 0.4."""

_ROUND = 0.002
"""The share of a kernel's energy that no product of a row and a column holds, from which on it
counts as round: resizing filters are such products, what sharpens in a camera is round."""


def bound_lobes(weights: FloatArray) -> FloatArray:
    """Make the negative taps of a kernel shallower, the more the deeper they are.

    How deep the halo of a sharpening camera is shows in few photos, and what an estimator says of
    it is often far too much. The filters of image programs have lobes as deep, but along the axes,
    and clear enough in the estimate to be believed as they are.

    Parameters
    ----------
    weights : (T, T) float32 array
        Of sum 1.

    Returns
    -------
    (T, T) float32 array
        Of sum 1; the same to rounding where no tap is negative.
    """
    values = np.asarray(weights, np.float64)
    negative = np.maximum(-values, 0)
    depth = float(negative.sum())
    if depth == 0:
        return weights
    factor = np.tanh(depth / _DEEPEST) * _DEEPEST / depth
    bounded = values + (1 - factor) * negative
    energies = np.linalg.svd(values, compute_uv=False) ** 2
    unlike = 1 - energies[0] / energies.sum()
    belief = _ROUND**2 / (unlike**2 + _ROUND**2)
    return np.asarray(belief * values + (1 - belief) * bounded / bounded.sum(), np.float32)
