"""Which noise, and which compression, makes LR most like the photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from degrade.audit.features import FEATURES, PhotoFeatures
from degrade.errors import InvalidValueError

__all__ = ["distance_of_noise", "louder_by"]

_KINDS = ("noise", "grain", "colour noise", "blocks", "colour spectrum")
_LEVELS = ("noise", "colour noise")
_LEAST_SPREAD = 1e-3
_ROUNDING = 0.1
"""Grey levels: of what rounding hides no ratio is made."""


def distance_of_noise(photos: Sequence[PhotoFeatures], lr: Sequence[PhotoFeatures]) -> float:
    """Return how far apart two sets are in what stands behind the blur.

    Root mean square over the figures of noise, its grain and colours, and of JPEG's blocks: the
    difference of the means in standard deviations of the photos.

    Parameters
    ----------
    photos, lr : sequences of PhotoFeatures
        At least two each; element i of the one is matched with element i of the other.

    Raises
    ------
    InvalidValueError
        They differ in number, or there are fewer.
    """
    if len(photos) != len(lr) or len(photos) < 2:
        raise InvalidValueError(f"as many photos as LR are needed, got {len(photos)}, {len(lr)}")
    kinds = [kind for kind, names in FEATURES.items() for _ in names]
    asked = np.isin(kinds, _KINDS)
    ours, theirs = (np.array([each.values[asked] for each in part]) for part in (photos, lr))
    known = np.isfinite(ours) & np.isfinite(theirs)
    count = known.sum(axis=0)
    told = count >= 2
    if not told.any():
        return 0.0
    ours, theirs, known, count = ours[:, told], theirs[:, told], known[:, told], count[told]
    step = np.where(known, theirs - ours, 0).sum(axis=0) / count
    mean = np.where(known, ours, 0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, np.square(ours - mean), 0).sum(axis=0) / count)
    return float(np.sqrt(np.mean(np.square(step / np.maximum(spread, _LEAST_SPREAD)))))


def louder_by(photos: Sequence[PhotoFeatures], lr: Sequence[PhotoFeatures]) -> float:
    """Return how many times as strong LR's noise in flat parts is, or its colour noise if more.

    Geometric means over the pairs that tell; 1 where none does.

    Parameters
    ----------
    photos, lr : sequences of PhotoFeatures
        As for :func:`distance_of_noise`.
    """
    ratios = [1.0]
    for name in _LEVELS:
        ours, theirs = (
            np.array([each.measures[name] for each in part]) + _ROUNDING for part in (photos, lr)
        )
        steps = np.log(theirs / ours)
        known = np.isfinite(steps)
        if known.any():
            ratios.append(float(np.exp(steps[known].mean())))
    return max(ratios)
