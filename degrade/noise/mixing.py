"""How the channels of noise go together, by level: the darker, the more alike in most cameras."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from degrade.noise.cells import PAIRS
from degrade.noise.statistics import ColourTable
from degrade.noise.strength import count_of, hats, place_knots

__all__ = ["GREYS", "fit_correlations", "turned"]

GREYS = np.arange(0, 257, 32)
"""Levels of (R + 2 G + B) / 4 for which correlations are stated."""

_MOST = 0.995
_TIE = 4.0
_LEAST_EIGENVALUE = 0.01

_Floats = npt.NDArray[np.float64]


def fit_correlations(colours: ColourTable) -> tuple[_Floats, _Floats]:
    """Return the correlations of red with green, red with blue, green with blue.

    (9, 3) at :data:`GREYS`, held beyond those seen; and (3,), the mean.
    """
    greys, weights = colours.means @ [0.25, 0.5, 0.25], count_of(colours)
    knots = place_knots(greys, colours.cells)
    basis = hats(greys, knots)
    at = hats(np.clip(GREYS, greys.min(), greys.max()).astype(np.float64), knots)
    ties = np.diff(np.eye(len(knots)), axis=0) * np.sqrt(_TIE)
    normal = (basis.T * weights) @ basis + ties.T @ ties + 1e-9 * np.eye(len(knots))
    deviations = np.sqrt(np.maximum(colours.variances, 1e-9))
    found, usual = [], []
    for pair, (one, other) in enumerate(PAIRS):
        together = colours.covariances[:, pair] / (deviations[:, one] * deviations[:, other])
        # Fisher's z: its scatter is the same for weak and strong correlations.
        bent = np.arctanh(np.clip(together, -_MOST, _MOST))
        found.append(np.tanh(at @ np.linalg.solve(normal, basis.T @ (weights * bent))))
        usual.append(np.average(np.clip(together, -_MOST, _MOST), weights=colours.cells))
    return np.stack(found, axis=-1), np.array(usual)


def turned(correlations: _Floats, usual: _Floats) -> _Floats:
    """Return what makes channels with (3,) usual correlations into such with (N, 3) others.

    (N, 3, 3) lower triangles, for which variances stay 1.
    """
    back = np.linalg.inv(_root_of(usual))
    return np.stack([_root_of(each) @ back for each in correlations])


def _root_of(correlations: _Floats) -> _Floats:
    """Return the lower triangle whose product with itself has these correlations."""
    together = np.eye(3)
    for (one, other), value in zip(PAIRS, correlations, strict=True):
        together[one, other] = together[other, one] = value
    values, vectors = np.linalg.eigh(together)
    possible = (vectors * np.maximum(values, _LEAST_EIGENVALUE)) @ vectors.T
    size = np.sqrt(np.diag(possible))
    root: _Floats = np.linalg.cholesky(possible / np.outer(size, size))
    return root
