"""How far apart the figures of two sets are, in their means and in how much they vary.

A classifier tells sets apart by both: photos of a camera all have some noise of it, so flat ones
and textured ones differ less than LR does that has none, even where the means agree.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from degrade.audit.features import PhotoFeatures
from degrade.errors import InvalidValueError

__all__ = ["divergence", "divergences"]

Table = npt.NDArray[np.float64]

_LEAST_KNOWN = 4
_FAR = 4.0
"""Standard deviations: what lies further off counts as if it did not."""

_LEAST_VARIANCE = 1e-3
"""Of that of both sets together: where one set hardly varies."""


def divergence(first: Sequence[PhotoFeatures], second: Sequence[PhotoFeatures]) -> float:
    """Return the squared Hellinger distance of two sets, mean of all figures.

    Each figure is taken for normally distributed, with a mean and a variance in each set.

    Parameters
    ----------
    first, second : sequences of PhotoFeatures
        At least four each.

    Returns
    -------
    float
        0 where means and variances agree, 1 where no figure of the one set could be of the other.
        Means one standard deviation apart are 0.12, variances as 4 to 1 are 0.11; two halves of
        one set, of n photos each, come to about 0.5 / n.

    Raises
    ------
    InvalidValueError
        There are fewer.

    References
    ----------
    Hellinger, "Neue Begründung der Theorie quadratischer Formen von unendlichvielen
    Veränderlichen", Crelle 1909; of two normal distributions
    1 − √(2 s₁ s₂ / (s₁² + s₂²)) · exp(−(m₁ − m₂)² / (4 (s₁² + s₂²))).
    """
    counts = (np.ones((1, len(part))) for part in (first, second))
    return float(divergences(first, second, *counts)[0])


def divergences(
    first: Sequence[PhotoFeatures],
    second: Sequence[PhotoFeatures],
    first_counts: Table,
    second_counts: Table,
) -> Table:
    """Return :func:`divergence` of sets that some photos are in several times, others not at all.

    Parameters
    ----------
    first, second : sequences of PhotoFeatures
        N and M of them, at least four each.
    first_counts, second_counts : (R, N) and (R, M) float64 arrays
        How often each photo is in each of R pairs of sets.

    Returns
    -------
    (R,) float64 array
        A figure that fewer than four photos of a set tell counts for nothing.

    Raises
    ------
    InvalidValueError
        There are fewer than four photos.
    """
    if min(len(first), len(second)) < _LEAST_KNOWN:
        raise InvalidValueError(
            f"{_LEAST_KNOWN} photos of each set are needed at least, got {len(first)} and "
            f"{len(second)}"
        )
    a, b = _on_one_scale(*(np.array([each.values for each in part]) for part in (first, second)))
    known_a, mean_a, variance_a = _moments(a, first_counts)
    known_b, mean_b, variance_b = _moments(b, second_counts)
    total = variance_a + variance_b
    alike = np.sqrt(2 * np.sqrt(variance_a * variance_b) / total)
    alike *= np.exp(-np.square(mean_a - mean_b) / (4 * total))
    told = np.minimum(known_a, known_b) >= _LEAST_KNOWN
    found = np.where(told, 1 - alike, 0).sum(axis=1) / np.maximum(told.sum(axis=1), 1)
    return np.asarray(np.maximum(found, 0), np.float64)


def _on_one_scale(a: Table, b: Table) -> tuple[Table, Table]:
    """Return figures of both sets less their common mean, in common standard deviations."""
    both = np.concatenate([a, b])
    known = np.isfinite(both)
    count = np.maximum(known.sum(axis=0), 1)
    middle = np.where(known, both, 0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, np.square(both - middle), 0).sum(axis=0) / count)
    scaled = np.clip((both - middle) / np.where(spread > 0, spread, 1), -_FAR, _FAR)
    return scaled[: len(a)], scaled[len(a) :]


def _moments(values: Table, counts: Table) -> tuple[Table, Table, Table]:
    """Return how many photos tell each figure, its mean and its variance, (R, F) each."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0)
    number = counts @ known
    some = np.maximum(number, 1)
    mean = counts @ filled / some
    variance = counts @ np.square(filled) / some - np.square(mean)
    return number, mean, np.maximum(variance, _LEAST_VARIANCE)
