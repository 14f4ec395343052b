"""Opinion scores freed of who gave them: each rater has a bias and an inconsistency."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from degrade.errors import InvalidValueError

__all__ = ["ScoreFit", "fit_scores"]

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

_MOST_ROUNDS = 500
_CLOSE = 1e-7
_PRIOR = 3.0
"""Votes that speak for the inconsistency of all raters, beside each one's own."""

_LEAST_VARIANCE = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class ScoreFit:
    """What scores say of stimuli and of raters.

    Attributes
    ----------
    quality : (S,) float64 array
        Of each stimulus, in units of the scores; NaN where nobody voted.
    error : (S,) float64 array
        Its standard error, raters' biases taken as known.
    bias : (R,) float64 array
        By how much a rater's scores are higher than those of all; its mean is 0.
    inconsistency : (R,) float64 array
        Standard deviation of a rater's votes about quality and bias; NaN without votes.
    rounds : int
    """

    quality: _Floats
    error: _Floats
    bias: _Floats
    inconsistency: _Floats
    rounds: int


def fit_scores(
    rater: _Ints, stimulus: _Ints, score: _Floats, *, raters: int, stimuli: int
) -> ScoreFit:
    """Fit ``score = quality + bias + inconsistency · noise`` by alternating maximum likelihood.

    It is the model of ITU-T P.910 (annex E) without content ambiguity. Two deviations: a variance
    is divided by the degrees of freedom that the fitted qualities have left of a rater's votes,
    instead of by their number, and three votes of an average rater stand beside each rater's own.
    Without them the likelihood has no maximum: a rater whom quality follows exactly has variance 0.

    Parameters
    ----------
    rater, stimulus : (N,) int64 arrays
        Numbers below ``raters`` and ``stimuli``.
    score : (N,) float64 array
    raters, stimuli : int

    Raises
    ------
    InvalidValueError
        There is no vote, the arrays differ in length, or a score is not finite.

    References
    ----------
    Li and Bampis, "Recover Subjective Quality Scores from Noisy Measurements", DCC 2017.
    ITU-T P.910, "Subjective video quality assessment methods for multimedia applications".
    """
    if not len(score) or not len(rater) == len(stimulus) == len(score):
        raise InvalidValueError("scores need at least one vote, with its rater and stimulus")
    if not np.isfinite(score).all():
        raise InvalidValueError("scores must be finite")

    def by(index: _Ints, values: _Floats | None, count: int) -> _Floats:
        return np.bincount(index, values, count).astype(np.float64)

    votes = by(rater, None, raters)
    known = votes > 0
    bias, variance = np.zeros(raters), np.ones(raters)
    quality = np.full(stimuli, np.nan)
    rounds = 0
    for rounds in range(1, _MOST_ROUNDS + 1):
        weight = 1 / variance[rater]
        total = by(stimulus, weight, stimuli)
        before = quality
        with np.errstate(invalid="ignore"):
            quality = by(stimulus, weight * (score - bias[rater]), stimuli) / total
        off = score - quality[stimulus]
        bias = by(rater, off, raters) / np.maximum(votes, 1)
        bias[known] -= bias[known].mean()
        squares = (off - bias[rater]) ** 2
        freedom = 1 - weight / total[stimulus]
        pooled = max(squares.sum() / max(freedom.sum(), 1.0), _LEAST_VARIANCE)
        left = by(rater, freedom, raters) + _PRIOR
        variance = np.maximum(
            (by(rater, squares, raters) + _PRIOR * pooled) / left, _LEAST_VARIANCE
        )
        if np.nanmax(np.abs(quality - before), initial=np.inf if rounds == 1 else 0.0) < _CLOSE:
            break
    with np.errstate(divide="ignore"):
        error = np.where(total > 0, 1 / np.sqrt(total), np.nan)
    spread = np.where(known, np.sqrt(variance), np.nan)
    return ScoreFit(quality, error, np.where(known, bias, np.nan), spread, rounds)
