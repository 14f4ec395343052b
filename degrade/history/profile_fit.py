"""Fitting a blurred and sharpened step to profiles across edges."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from degrade.history.edges import PLACES

__all__ = ["StepFit", "fit_steps", "fit_widths"]

_Floats = npt.NDArray[np.float64]

_SIGMAS: _Floats = np.geomspace(0.3, 5.0, 80)
_RADII: _Floats = np.geomspace(0.5, 3.5, 12)
_MOST_AMOUNT = 6.0
_USUAL_AMOUNT = 1.5
_REFUSED = 1e9
_FREEDOM, _LEAST_DOUBT = len(PLACES) - 5, 0.0005**2


@dataclass(frozen=True, slots=True, eq=False)
class StepFit:
    """A step through G_σ · (1 + a · (1 − G_s)), for each of M profiles.

    Attributes
    ----------
    sigma, amount, radius : (M,) float64 arrays
        σ in pixels, a, and s in pixels.
    overshoot : (M,) float64 array
        How far the fitted profile goes beyond the bright side, as a share of the step.
    """

    sigma: _Floats
    amount: _Floats
    radius: _Floats
    overshoot: _Floats


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
    allowed = (height > 0.2) & (amount > -0.05) & (amount < _MOST_AMOUNT)
    error = np.where(allowed, error, _REFUSED)
    # A little sharpening of a larger radius and much of a small one are hardly different: what is
    # likely before anything is seen decides.
    doubt = error.min(axis=1, keepdims=True) / _FREEDOM + _LEAST_DOUBT
    best = (error / doubt + np.square(amount / _USUAL_AMOUNT)).argmin(axis=1)
    each = np.arange(len(profiles))
    chosen = found[each, best]
    fitted = np.einsum("mk,mkb->mb", chosen[:, :3], bases[best][:, :3])
    beyond = fitted.max(axis=1) - (chosen[:, 0] + chosen[:, 1])
    return StepFit(
        sigma=grid[best, 0],
        amount=amount[each, best],
        radius=grid[best, 1],
        overshoot=np.maximum(beyond / chosen[:, 1], 0.0),
    )


def fit_widths(profiles: _Floats) -> _Floats:
    """Return the σ of the step that fits each profile best, when none is sharpened.

    Parameters
    ----------
    profiles : (M, 56) float64 array
        At :data:`~degrade.history.edges.PLACES`.

    Returns
    -------
    (M,) float64 array
        Pixels.
    """
    bases, ends = _plain_bases()
    found = np.einsum("gkb,mb->mgk", ends, profiles)
    fitted = np.einsum("mgk,gkb->mgb", found, bases)
    error = np.square(fitted - profiles[:, None, :]).sum(axis=2)
    widths: _Floats = _SIGMAS[error.argmin(axis=1)]
    return widths


@cache
def _plain_bases() -> tuple[_Floats, _Floats]:
    sigma = _SIGMAS[:, None]
    step = ndtr(PLACES / sigma)
    shift = np.exp(-0.5 * (PLACES / sigma) ** 2)
    bases = np.stack([np.ones_like(step), step, shift], axis=1)
    return bases, np.linalg.pinv(bases.transpose(0, 2, 1))


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
    grams: _Floats = np.einsum("gkb,glb->gkl", bases, bases)
    return grams
