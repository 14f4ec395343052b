"""Fitting a blurred and sharpened step to profiles across edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from degrade.history.edges import PLACES

__all__ = ["StepFit", "fit_steps"]

_Floats = npt.NDArray[np.float64]

_SIGMAS: _Floats = np.geomspace(0.3, 5.0, 58)
_RADII: _Floats = np.geomspace(0.5, 3.5, 12)
_MOST_AMOUNT = 6.0


@dataclass(frozen=True, slots=True, eq=False)
class StepFit:
    """A step through G_σ · (1 + a · (1 − G_s)), for each of M profiles.

    Attributes
    ----------
    sigma, amount, radius : (M,) float64 arrays
        σ in pixels, a, and s in pixels.
    overshoot : (M,) float64 array
        How far the fitted profile goes beyond the bright side, as a share of the step.
    misfit : (M,) float64 array
        Root mean squared difference, as a share of the step.
    """

    sigma: _Floats
    amount: _Floats
    radius: _Floats
    overshoot: _Floats
    misfit: _Floats


def fit_steps(profiles: _Floats) -> StepFit:
    """Fit a step to each profile; all values of σ and s on a grid are tried.

    Parameters
    ----------
    profiles : (M, 56) float64 array
        At :data:`~degrade.history.edges.PLACES`.
    """
    bases, ends, grid = _bases()
    found = np.einsum("gkb,mb->mgk", ends, profiles)  # coefficients
    error = np.einsum("mb,mb->m", profiles, profiles)[:, None] - np.einsum(
        "mgk,gkl,mgl->mg", found, _grams(), found
    )
    height = found[..., 1]
    amount = np.divide(found[..., 2], height, out=np.zeros_like(height), where=height > 0.2)
    allowed = (height > 0.2) & (amount > -0.4) & (amount < _MOST_AMOUNT)
    best = np.where(allowed, error, np.inf).argmin(axis=1)
    each = np.arange(len(profiles))
    chosen = found[each, best]
    fitted = np.einsum("mk,mkb->mb", chosen[:, :3], bases[best][:, :3])
    beyond = fitted.max(axis=1) - (chosen[:, 0] + chosen[:, 1])
    return StepFit(
        sigma=grid[best, 0],
        amount=amount[each, best],
        radius=grid[best, 1],
        overshoot=np.maximum(beyond / chosen[:, 1], 0.0),
        misfit=np.sqrt(np.maximum(error[each, best], 0) / len(PLACES)) / chosen[:, 1],
    )


@cache
def _bases() -> tuple[_Floats, _Floats, _Floats]:
    """Return the curves of each (σ, s), what finds their coefficients, and the grid."""
    grid = np.array([(sigma, radius) for sigma in _SIGMAS for radius in _RADII])
    sigma, radius = grid[:, :1], grid[:, 1:]
    step = ndtr(PLACES / sigma)
    wider = ndtr(PLACES / np.hypot(sigma, radius))
    shift = np.exp(-0.5 * (PLACES / sigma) ** 2)
    bases = np.stack([np.ones_like(step), step, step - wider, shift], axis=1)
    return bases, np.linalg.pinv(bases.transpose(0, 2, 1)), grid


@cache
def _grams() -> _Floats:
    bases = _bases()[0]
    return np.einsum("gkb,glb->gkl", bases, bases)
