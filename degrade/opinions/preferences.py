"""Strengths of methods by who is preferred to whom, when two may be found equal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.errors import InvalidValueError

__all__ = ["Preferences", "fit_preferences"]

_Floats = npt.NDArray[np.float64]

_RIDGE = 1 / 25
"""One over the variance of what is expected of log strengths: 5, about e^±5 to 1."""

_MOST_ROUNDS = 200
_LARGEST_STEP = 1.0
_CLOSE = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Preferences:
    """Davidson's model, fitted; leading axes are those of the counts.

    Attributes
    ----------
    strength : (…, K) float64 array
        Natural logarithms; their mean is 0.
    ties : (…,) float64 array
        Logarithm of ν: how readily two are found equal.
    """

    strength: _Floats
    ties: _Floats

    def preferred(self) -> _Floats:
        """Return how often each method is preferred to each, of those who see a difference.

        Returns
        -------
        (…, K, K) float64 array
            0.5 on the diagonal.
        """
        odds = self.strength[..., :, None] - self.strength[..., None, :]
        return np.asarray(1 / (1 + np.exp(-odds)), np.float64)


def fit_preferences(wins: _Floats, ties: _Floats) -> Preferences:
    """Fit Davidson's model by maximum likelihood, many tables of counts at once.

    ``P(a over b) = πa / (πa + πb + ν·√(πa·πb))``, ``P(equal) = ν·√(πa·πb) / (…)``. A weak normal
    prior (σ 5) on log π and log ν keeps them finite where a method always wins or no two were found
    equal. The posterior is concave in the logarithms; Newton's method, with steps of at most 1,
    finds its maximum.

    Parameters
    ----------
    wins : (…, K, K) float64 array
        How often the method of the row was preferred to that of the column; at least 0.
    ties : (…, K, K) float64 array
        How often both were found equal, in the upper triangle.

    Raises
    ------
    InvalidValueError
        There are fewer than two methods, or the counts are no such arrays.

    References
    ----------
    Davidson, "On extending the Bradley-Terry model to accommodate ties in paired comparison
    experiments", JASA 65 (1970).
    """
    methods = wins.shape[-1]
    if wins.shape != ties.shape or wins.shape[-2:] != (methods, methods) or methods < 2:
        raise InvalidValueError(
            f"counts must be two tables of at least 2×2, got {wins.shape}, {ties.shape}"
        )
    if not (
        np.isfinite(wins).all() and np.isfinite(ties).all() and min(wins.min(), ties.min()) >= 0
    ):
        raise InvalidValueError("counts must be finite and at least 0")
    above = np.triu_indices(methods, 1)
    first = wins[..., above[0], above[1]]
    second = wins.swapaxes(-1, -2)[..., above[0], above[1]]
    equal = ties[..., above[0], above[1]]
    count = first + second + equal
    contrast = np.zeros((len(above[0]), methods + 1))
    contrast[np.arange(len(above[0])), above[0]] = 1
    contrast[np.arange(len(above[0])), above[1]] = -1
    nu = np.zeros(methods + 1)
    nu[-1] = 1
    outer = np.einsum("pi,pj->pij", contrast, contrast)
    cross = contrast[:, :, None] * nu + contrast[:, None, :] * nu[:, None]
    found = np.zeros((*wins.shape[:-2], methods + 1))
    for _ in range(_MOST_ROUNDS):
        odds = found @ contrast.T
        level = found[..., -1:]
        parts = np.stack([odds / 2, -odds / 2, np.broadcast_to(level, odds.shape)])
        parts = np.exp(parts - parts.max(axis=0))
        to_first, to_second, to_equal = parts / parts.sum(axis=0)
        lean = to_first - to_second
        slope = ((first - second - count * lean) / 2) @ contrast
        slope[..., -1] += (equal - count * to_equal).sum(axis=-1)
        slope -= _RIDGE * found
        curve = np.einsum("...p,pij->...ij", count * (1 - to_equal - lean**2) / 4, outer)
        curve -= np.einsum("...p,pij->...ij", count * lean * to_equal / 2, cross)
        curve[..., -1, -1] += (count * to_equal * (1 - to_equal)).sum(axis=-1)
        curve += _RIDGE * np.eye(methods + 1)
        step = np.linalg.solve(curve, slope[..., None])[..., 0]
        longest = np.abs(step).max(axis=-1, keepdims=True)
        found = found + step * np.minimum(1, _LARGEST_STEP / np.maximum(longest, _LARGEST_STEP))
        if longest.max(initial=0.0) < _CLOSE:
            break
    strength = found[..., :-1]
    return Preferences(strength - strength.mean(axis=-1, keepdims=True), found[..., -1])
