"""Which photos have one camera's noise, and the model of each such group, fitted when it is needed.

Photos of one camera at one ISO setting are a group, as their EXIF data tell it. Those that tell
nothing are put together where their noise is alike: as strong at the same levels, of like grain.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from degrade.disk.structs import read_struct
from degrade.noise.model import FittedNoise, fit_noise
from degrade.noise.statistics import LAGS, NoiseStatistics

__all__ = ["NoiseGroups"]

_BINS = 16
_FEWEST = 4.0
_STRENGTH = np.log(2.5)
"""By how much the log variances of one camera's photos may differ, over all levels together."""

_NEIGHBOURS = 0.15
_MOST_UNKNOWN = 32

_Floats = npt.NDArray[np.float64]


class NoiseGroups:
    """The noise of a pool's photos, by camera.

    Attributes
    ----------
    members : tuple of tuple of NoiseStatistics
        Of each group.
    """

    def __init__(self, photos: Iterable[tuple[str, Mapping[str, Any]]] = ()) -> None:
        """Take what was measured, by the photo's sha256; photos that cannot tell have no colours.

        It is looked at when it is first asked for.
        """
        self._values = tuple(photos)
        self._fitted: dict[int, FittedNoise] = {}

    @functools.cached_property
    def members(self) -> tuple[tuple[NoiseStatistics, ...], ...]:
        """What belongs together; CorruptDataError when values are none that were measured."""
        return tuple(tuple(self._photos[key] for key in group) for group in self._keys)

    @functools.cached_property
    def _photos(self) -> dict[str, NoiseStatistics]:
        return {
            key: read_struct(values, NoiseStatistics, "a photo's noise model")
            for key, values in self._values
            if "colours" in values
        }

    @functools.cached_property
    def _keys(self) -> tuple[tuple[str, ...], ...]:
        by_camera: dict[str, list[str]] = defaultdict(list)
        for key, photo in self._photos.items():
            by_camera[photo.camera].append(key)
        unknown = by_camera.pop("", [])
        known = [tuple(by_camera[camera]) for camera in sorted(by_camera)]
        return (*known, *_alike({key: self._photos[key] for key in unknown}))

    @functools.cached_property
    def _group_of(self) -> dict[str, int]:
        return {key: number for number, group in enumerate(self._keys) for key in group}

    @property
    def photos(self) -> int:
        """How many photos there are."""
        return sum(photo.photos for photo in self._photos.values())

    def of_photo(self, sha256: str) -> FittedNoise:
        """Return the noise of a photo's group; the photo is one that :meth:`has_photo` knows."""
        return self.fitted(self._group_of[sha256])

    @property
    def known_photos(self) -> frozenset[str]:
        """The photos whose noise is known, by their sha256."""
        return frozenset(self._photos)

    def has_photo(self, sha256: str) -> bool:
        """Tell whether a photo's noise is known."""
        return sha256 in self._photos

    def at(self, number: int) -> FittedNoise:
        """Return the noise of the group that the photo of a number below ``photos`` is in."""
        for group, members in enumerate(self.members):
            number -= sum(photo.photos for photo in members)
            if number < 0:
                return self.fitted(group)
        raise IndexError(number)

    def fitted(self, group: int) -> FittedNoise:
        """Return the noise of a group."""
        if group not in self._fitted:
            self._fitted[group] = _fit(self.members[group])
        return self._fitted[group]


@functools.lru_cache(maxsize=256)
def _fit(photos: tuple[NoiseStatistics, ...]) -> FittedNoise:
    """Fit once in a process what several indexes of a pool ask for."""
    return fit_noise(photos)


@dataclass(frozen=True, slots=True, eq=False)
class _Sketch:
    """Sums over photos: (16, 3) of cells and of their variances by level, and of neighbours."""

    cells: _Floats
    variances: _Floats
    neighbours: float
    photos: int = 1

    @classmethod
    def of(cls, photo: NoiseStatistics) -> Self:
        table = photo.table()
        cells, variances = np.zeros((2, _BINS, 3))
        bins = np.minimum(table.means * _BINS / 256, _BINS - 1).astype(np.int64)
        for channel in range(3):
            np.add.at(cells[:, channel], bins[:, channel], table.cells)
            np.add.at(
                variances[:, channel],
                bins[:, channel],
                table.cells * table.variances[:, channel],
            )
        beside, below = LAGS.index((0, 1)), LAGS.index((1, 0))
        near = float(np.mean([(own[beside] + own[below]) / 2 for own in photo.grain[:3]]))
        return cls(cells, variances, near)

    def joined(self, other: _Sketch) -> _Sketch:
        return _Sketch(
            self.cells + other.cells,
            self.variances + other.variances,
            self.neighbours + other.neighbours,
            self.photos + other.photos,
        )

    def distance(self, other: _Sketch) -> float:
        """Return how far apart they are; below 1 they may be of one camera."""
        both = (self.cells >= _FEWEST) & (other.cells >= _FEWEST)
        near = abs(self.neighbours / self.photos - other.neighbours / other.photos) / _NEIGHBOURS
        if not both.any():
            return near
        ones, others = (
            np.log(np.maximum(sketch.variances[both], 1e-6) / sketch.cells[both])
            for sketch in (self, other)
        )
        weights = np.minimum(self.cells[both], other.cells[both])
        apart = abs(float(np.average(ones - others, weights=weights)))
        return max(near, apart / float(_STRENGTH))


def _alike(photos: Mapping[str, NoiseStatistics]) -> list[tuple[str, ...]]:
    """Put photos together whose noise is alike."""
    groups: list[list[str]] = []
    sketches: list[_Sketch] = []
    for key, photo in photos.items():
        own = _Sketch.of(photo)
        distances = [sketch.distance(own) for sketch in sketches]
        nearest = int(np.argmin(distances)) if distances else -1
        if nearest >= 0 and (distances[nearest] < 1 or len(groups) >= _MOST_UNKNOWN):
            groups[nearest].append(key)
            sketches[nearest] = sketches[nearest].joined(own)
        else:
            groups.append([key])
            sketches.append(own)
    return [tuple(group) for group in groups]
