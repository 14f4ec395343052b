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

__all__ = ["divergence"]

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
        Means one standard deviation apart are 0.12, as are variances as 4 to 1; two halves of one
        set, of n photos each, come to about 0.4 / n.

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
    if min(len(first), len(second)) < _LEAST_KNOWN:
        raise InvalidValueError(
            f"{_LEAST_KNOWN} photos of each set are needed at least, got {len(first)} and "
            f"{len(second)}"
        )
    tables = [np.array([each.values for each in part]) for part in (first, second)]
    figures = (_of_figure(a, b) for a, b in zip(tables[0].T, tables[1].T, strict=True))
    known = [each for each in figures if each is not None]
    return float(np.mean(known)) if known else 0.0


def _of_figure(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float | None:
    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    if min(len(a), len(b)) < _LEAST_KNOWN:
        return None
    both = np.concatenate([a, b])
    middle, spread = both.mean(), both.std()
    if spread == 0:
        return 0.0
    a, b = (np.clip((each - middle) / spread, -_FAR, _FAR) for each in (a, b))
    first, second = (max(float(each.var()), _LEAST_VARIANCE) for each in (a, b))
    apart = float(a.mean() - b.mean()) ** 2
    total = first + second
    alike = np.sqrt(2 * np.sqrt(first * second) / total) * np.exp(-apart / (4 * total))
    return 1 - float(alike)
