"""How far a photo's features are from those that the networks were trained on.

What they say of a kind that they have never seen (text, drawings, what was enlarged before) means
little, however sure they are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from degrade.arrays import AnyArray, FloatArray
from degrade.errors import CorruptDataError, printable
from degrade.spectral.features import PHOTO_FEATURES, SYMMETRIES, WINDOW_FEATURES
from degrade.spectral.measurement import CropFeatures

__all__ = [
    "FEWEST_WINDOWS",
    "UsualFeatures",
    "encode_usual",
    "load_usual",
    "read_usual",
    "summary_of",
    "usual_file",
]

FEWEST_WINDOWS = 25
"""As many as the smallest photo has. Means over fewer scatter too much to be compared."""

_ARRAYS = ("mean", "whitening")

_COUNTS = 2
"""The last features of a crop say how large it is: not what kind it is of."""


def _orbits(orders: Sequence[npt.NDArray[np.int64]], count: int) -> list[list[int]]:
    """Return the features that mirroring permutes among each other."""
    found = {frozenset(int(order[index]) for order in orders) for index in range(count)}
    return sorted(map(sorted, found))


def _make_folding() -> FloatArray:
    """Return the (features, n) matrix that averages what mirroring permutes among each other."""
    of_windows = _orbits([s.window_order for s in SYMMETRIES], WINDOW_FEATURES)
    of_photo = _orbits([s.photo_order for s in SYMMETRIES], PHOTO_FEATURES - _COUNTS)
    groups = [*of_windows, *([WINDOW_FEATURES + i for i in group] for group in of_photo)]
    folding = np.zeros((WINDOW_FEATURES + PHOTO_FEATURES, len(groups)), np.float32)
    for column, group in enumerate(groups):
        folding[group, column] = 1 / len(group)
    return folding


_FOLDING = _make_folding()


def summary_of(window_means: AnyArray, photos: AnyArray) -> FloatArray:
    """Return what a crop is compared by: the same for its mirror images.

    Parameters
    ----------
    window_means : (..., WINDOW_FEATURES) array
        Means over the windows of a crop.
    photos : (..., PHOTO_FEATURES) array

    Returns
    -------
    (..., n) float32 array
    """
    both = np.concatenate([window_means, photos], axis=-1, dtype=np.float32)
    summary: FloatArray = both @ _FOLDING
    return summary


@dataclass(frozen=True, slots=True, eq=False)
class UsualFeatures:
    """What is usual, as a normal distribution of summaries.

    Attributes
    ----------
    mean : (n,) float32 array
    whitening : (n, n) float32 array
        What makes deviations from the mean white, divided by √n.
    limit : float
        Distances that few photos exceed whose like was trained on.
    """

    mean: FloatArray
    whitening: FloatArray
    limit: float

    def distances(self, summaries: FloatArray) -> FloatArray:
        """Return the distances of (..., n) summaries: root mean squares of white deviations."""
        white = (summaries - self.mean) @ self.whitening
        return np.asarray(np.sqrt(np.square(white).sum(axis=-1)), np.float32)

    def strangeness(self, crops: Sequence[CropFeatures]) -> float:
        """Return how far the crops of a photo are on average, in units of the limit.

        Crops of too few windows do not count; 0 where there are no others.
        """
        many = [crop for crop in crops if len(crop.windows) >= FEWEST_WINDOWS]
        if not many:
            return 0.0
        means = np.stack([crop.windows.mean(axis=0) for crop in many])
        summaries = summary_of(means, np.stack([crop.photo for crop in many]))
        return float(self.distances(summaries).mean() / self.limit)


@cache
def load_usual() -> UsualFeatures:
    """Return what comes with the package; CorruptDataError: it is missing or damaged."""
    with resources.as_file(usual_file()) as path:
        return read_usual(path)


def usual_file() -> Traversable:
    """Return where the package keeps what is usual."""
    return resources.files("degrade.spectral") / "weights" / "usual.safetensors"


def read_usual(path: Path) -> UsualFeatures:
    """Read a file of :func:`encode_usual`.

    Raises
    ------
    CorruptDataError
        It is missing, damaged, or none of ours.
    """
    try:
        with safe_open(path, framework="np") as file:
            limit = float(json.loads(file.metadata()["usual"])["limit"])
            mean, whitening = (file.get_tensor(n).astype(np.float32) for n in _ARRAYS)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CorruptDataError(
            f"{printable(path)}: what the networks were trained on is missing or damaged "
            f"({printable(' '.join(str(error).split()))}); install the package again"
        ) from error
    count = _FOLDING.shape[1]
    if (mean.shape, whitening.shape) != ((count,), (count, count)) or not limit > 0:
        raise CorruptDataError(f"{printable(path)}: of another version; install the package again")
    return UsualFeatures(mean, whitening, limit)


def encode_usual(usual: UsualFeatures) -> bytes:
    """Return a file: float32 means, a float16 matrix, the limit."""
    values: tuple[AnyArray, ...] = (usual.mean, usual.whitening.astype(np.float16))
    return save(
        dict(zip(_ARRAYS, values, strict=True)), {"usual": json.dumps({"limit": usual.limit})}
    )
