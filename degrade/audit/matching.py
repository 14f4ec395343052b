"""Photos of two sets found for each other by what they show, one to one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

__all__ = ["match_content"]

_FORBIDDEN = 1e6


def match_content(
    first: npt.NDArray[np.float64],
    second: npt.NDArray[np.float64],
    *,
    first_keys: Sequence[str] | None = None,
    second_keys: Sequence[str] | None = None,
    caliper: float = 1.0,
) -> npt.NDArray[np.int64]:
    """Return which photo of one set goes with which of the other.

    Photos of one key are of one scene and go together, whatever they look like. The others are
    assigned such that the sum of their distances is least.

    Parameters
    ----------
    first, second : (N, C) and (M, C) float64 arrays
        What the photos show (:data:`degrade.audit.features.CONTENT`).
    first_keys, second_keys : sequence of str or None
        Each key once a set. None: no photo has a twin.
    caliper : float
        Root mean square over the C figures, in standard deviations of both sets: what lies further
        apart is not matched.

    Returns
    -------
    (K, 2) int64 array
        Numbers of photos, by the first set's.
    """
    twins = _twins(first_keys or (), second_keys or ())
    rest_1 = np.setdiff1d(np.arange(len(first)), twins[:, 0])
    rest_2 = np.setdiff1d(np.arange(len(second)), twins[:, 1])
    if first_keys is not None and second_keys is not None:
        # Another's twin is no stranger: it must not lie in the fold of a third.
        rest_2 = np.array([i for i in rest_2 if second_keys[i] not in set(first_keys)], np.int64)
    if not len(rest_1) or not len(rest_2):
        return twins
    scale = np.maximum(np.concatenate([first, second]).std(axis=0), 1e-9)
    distance = np.sqrt(np.square((first[rest_1, None] - second[None, rest_2]) / scale).mean(axis=2))
    costs = np.where(distance <= caliper, distance, _FORBIDDEN)
    rows, columns = linear_sum_assignment(costs)
    near = costs[rows, columns] < _FORBIDDEN
    found = np.stack([rest_1[rows[near]], rest_2[columns[near]]], axis=1)
    both = np.concatenate([twins, found]).astype(np.int64)
    return both[np.argsort(both[:, 0], kind="stable")]


def _twins(first_keys: Sequence[str], second_keys: Sequence[str]) -> npt.NDArray[np.int64]:
    places = {key: i for i, key in enumerate(second_keys)}
    found = [(i, places[key]) for i, key in enumerate(first_keys) if key in places]
    return np.array(found, np.int64).reshape(-1, 2)
