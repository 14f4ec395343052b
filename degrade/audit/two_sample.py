"""Can two sets of photos be told apart? A classifier, judged on photos that it has not seen.

The area under its ROC curve (AUC) is the share of pairs of photos, one of each set, that it puts
in the right order: 0.5 when it only guesses, 1 when the sets differ without exception.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from degrade.errors import InvalidValueError

__all__ = [
    "LEAST_PAIRS",
    "TwoSampleResult",
    "area_under_curve",
    "compare_two_samples",
    "null_half_width",
    "photos_needed",
]

Table = npt.NDArray[np.float64]

LEAST_PAIRS = 10
"""With fewer matched photos nothing is fitted."""

_FOLDS = 5
_REPEATS = 3
_PENALTY = 20.0
_STEPS = 6
_Z = 1.96


@dataclass(frozen=True, slots=True)
class TwoSampleResult:
    """How well two sets can be told apart.

    Attributes
    ----------
    pairs : int
        Photos of each set that were matched.
    auc : float
    interval : (float, float)
        95 %, by photos drawn again.
    p_value : float
        Share of relabellings, within matched pairs, whose AUC is as high.
    half_width : float
        What chance alone does to the AUC of so many photos (95 %).
    """

    pairs: int
    auc: float
    interval: tuple[float, float]
    p_value: float
    half_width: float

    @property
    def told_apart(self) -> bool:
        """Whether the sets differ for sure: at most one time in twenty by chance."""
        return self.p_value <= 0.05 and self.interval[0] > 0.5

    @property
    def area_words(self) -> str:
        """The AUC with its interval; what is below 0.5 is said to be a guess.

        Sets that are more alike than two draws of one camera come out there: what is learned of
        some photos is the other way round in the rest.
        """
        low, high = self.interval
        guess = " (below 0.5: a guess)" if round(self.auc, 2) < 0.5 else ""
        return f"AUC {self.auc:.2f} [{low:.2f}, {high:.2f}]{guess}"


def null_half_width(first: int, second: int) -> float:
    """Return how far the AUC strays from 0.5 by chance (95 %), for two numbers of photos.

    References
    ----------
    Hanley, McNeil, "The meaning and use of the area under a ROC curve", Radiology 1982: the
    variance of Wilcoxon's statistic.
    """
    return _Z * float(np.sqrt((first + second + 1) / (12 * first * second)))


def photos_needed(half_width: float) -> int:
    """Return how many photos each set needs for chance to stay within ``half_width``."""
    count = 1
    while null_half_width(count, count) > half_width:
        count += max(count // 50, 1)
    return count


def area_under_curve(first: Table, second: Table) -> float:
    """Return the share of pairs in which the second set's score is higher; ties count half."""
    ranks = stats.rankdata(np.concatenate([first, second]))
    excess = ranks[len(first) :].sum() - len(second) * (len(second) + 1) / 2
    return float(excess / (len(first) * len(second)))


def compare_two_samples(
    first: Table,
    second: Table,
    rng: np.random.Generator,
    *,
    resamples: int = 500,
    relabellings: int = 99,
) -> TwoSampleResult:
    """Tell how well matched photos of two sets can be told apart.

    A ridge-penalised logistic regression on the figures and their squares. Matched photos, and so
    an LR and its twin, are always in one fold: a classifier that has seen the one has learned what
    it shows, and errs about the other.

    Parameters
    ----------
    first, second : (N, F) float64 arrays
        Row i of the one is matched with row i of the other. NaN: not known.
    rng : numpy.random.Generator
    resamples, relabellings : int
        Of the interval, and of the null.

    Raises
    ------
    InvalidValueError
        The tables differ in shape, or there are fewer than ten pairs.
    """
    if first.shape != second.shape or len(first) < LEAST_PAIRS:
        raise InvalidValueError(
            f"two tables of one shape and at least {LEAST_PAIRS} rows are needed, got "
            f"{first.shape} and {second.shape}"
        )
    count = len(first)
    folds = [rng.permutation(count) % _FOLDS for _ in range(_REPEATS)]
    design = _design(np.concatenate([first, second]))
    scores = _scores(design, np.zeros(count, bool), folds)
    auc = area_under_curve(*scores)
    chance = null_half_width(count, count)
    drawn = rng.integers(0, count, (resamples, count))
    areas = np.array([area_under_curve(scores[0][rows], scores[1][rows]) for rows in drawn])
    low, high = np.quantile(areas, (0.025, 0.975))
    nulls = [
        area_under_curve(*_scores(design, rng.random(count) < 0.5, folds[:1]))
        for _ in range(relabellings)
    ]
    single = area_under_curve(*_scores(design, np.zeros(count, bool), folds[:1]))
    p_value = (1 + sum(null >= single for null in nulls)) / (1 + relabellings)
    return TwoSampleResult(count, auc, (float(low), float(high)), p_value, chance)


def _design(table: Table) -> Table:
    """Return the figures and their squares, each with mean 0 and deviation 1."""
    known = np.isfinite(table)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, table, 0).sum(axis=0) / count
    filled = np.where(known, table - mean, 0.0)
    scale = np.sqrt(np.square(filled).sum(axis=0) / count)
    filled = np.clip(filled / np.maximum(scale, 1e-9), -4, 4)
    squares = np.square(filled)
    squares = (squares - squares.mean(axis=0)) / np.maximum(squares.std(axis=0), 1e-9)
    return np.concatenate([filled, squares], axis=1)


def _scores(
    design: Table, swapped: npt.NDArray[np.bool_], folds: list[npt.NDArray[np.int64]]
) -> tuple[Table, Table]:
    """Return the score of each photo by classifiers that have not seen it; second ones are high.

    The rows of ``design`` are those of the first set, then those of the second; of ``swapped``
    pairs each stands for the other.
    """
    count = len(swapped)
    labels = np.concatenate([swapped, ~swapped]).astype(np.float64)
    scores = np.zeros(2 * count)
    for fold in folds:
        both = np.concatenate([fold, fold])
        for number in range(_FOLDS):
            held = both == number
            weights = _fit(design[~held], labels[~held])
            scores[held] += design[held] @ weights
    second = labels > 0.5
    return scores[~second], scores[second]


def _fit(design: Table, labels: Table) -> Table:
    """Return the weights of a ridge logistic regression, by Newton's steps.

    It has no offset: both labels are equally frequent.
    """
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        slope = design.T @ (chance - labels) + _PENALTY * weights
        bend = (design * (chance * (1 - chance))[:, None]).T @ design
        bend[np.diag_indices_from(bend)] += _PENALTY
        step = np.linalg.solve(bend, slope)
        weights -= step
        if np.abs(step).max() < 1e-4:
            break
    return weights
