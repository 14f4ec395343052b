"""Which noise, and which compression, makes LR most like the photos."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from degrade.audit.features import FEATURES, PhotoFeatures
from degrade.errors import InvalidValueError

__all__ = ["distance_of_noise"]

_KINDS = ("noise", "grain", "colour noise", "blocks", "colour spectrum")
_LEAST_SPREAD = 1e-3


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
