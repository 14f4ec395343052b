"""Whose photos they are: what runs keep of cameras, and tell where names and EXIF data differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from degrade.errors import as_typed, printable
from degrade.pool import DegradationPool, Findings
from degrade.pool.camera_groups import NAMED
from degrade.wording import counted, most_first
from pipelines.measuring.collector import Collector
from pipelines.measuring.measurement import Measurement
from pipelines.measuring.noise_patches import NoiseCollector
from pipelines.measuring.photo_history import HistoryCollector
from pipelines.shared.photo_scan import ScannedPhoto
from pipelines.shared.reports import Fact

__all__ = ["CameraCollector", "CamerasOfKernels", "CamerasOfNoise"]

_MOST_NAMES = 3
"""That are told."""


class CameraCollector(HistoryCollector):
    """Tells of photos, too, whose camera had a name that this run takes from them."""

    def __init__(self, measurement: Measurement) -> None:
        super().__init__(measurement)
        self._before: Counter[str] = Counter()

    def begin(
        self, pool: DegradationPool | None, photos: Sequence[ScannedPhoto]
    ) -> list[ScannedPhoto]:
        """Return which photos are to be read; remember the names that others gave them."""
        if pool is not None:
            names = {m.photo: m.values.get(NAMED) for m in pool.drawn_values(self.measurement.kind)}
            now = self.measurement.settings.get(NAMED)
            known = (names.get(photo.sha256) for photo in photos)
            self._before = Counter(str(name) for name in known if name and name != now)
        return super().begin(pool, photos)

    def facts(self) -> list[Fact]:
        """Return what concerns all, and whose names have changed."""
        name = self.measurement.settings.get(NAMED)
        now = "as EXIF data say" if name is None else f"of {printable(name)}" if name else "of none"
        renamed = [
            Fact(
                "renamed_cameras",
                f"{counted(count, 'photo')} of the camera {printable(before)} until now, from now "
                f"on {now}; `camera={as_typed(before)}` keeps the name",
                {"before": before, "now": name, "photos": count},
            )
            for before, count in most_first(self._before)
        ]
        return [*super().facts(), *renamed]


class _HasKept(Protocol):
    """What knows of which photos it has kept kernels."""

    @property
    def kept(self) -> set[str]:
        """Their sha256."""


class CamerasOfKernels(CameraCollector):
    """Remembers which camera took the photos whose kernels are kept, and no others."""

    def __init__(self, measurement: Measurement, kernels: _HasKept) -> None:
        super().__init__(measurement)
        self._kernels = kernels

    def keep(self, photo: ScannedPhoto, findings: Findings) -> Findings | None:
        """Take what was found, if the photo has a kernel."""
        return findings if photo.sha256 in self._kernels.kept else None


class CamerasOfNoise(Collector):
    """Remembers which camera took the photos that were searched, where the pool does not know it.

    What it knows may be a name that the user gave: it stays.
    """

    def __init__(self, measurement: Measurement, noise: NoiseCollector) -> None:
        super().__init__(measurement)
        self._noise = noise
        self._known: set[str] = set()
        self._pool: DegradationPool | None = None

    def begin(
        self, pool: DegradationPool | None, photos: Sequence[ScannedPhoto]
    ) -> list[ScannedPhoto]:
        """Return the photos of which the pool knows nothing about their camera."""
        self._pool = pool
        if pool is not None:
            self._known = {found.photo for found in pool.drawn_values(self.measurement.kind)}
        return [photo for photo in photos if photo.sha256 not in self._known]

    def keep(self, photo: ScannedPhoto, findings: Findings) -> Findings | None:
        """Take what was found, if the search of the photo is kept."""
        return findings if photo.sha256 in self._noise.kept - self._known else None

    def facts(self) -> list[Fact]:
        """Tell of photos whose camera EXIF data name, where the user has named those of others."""
        drawn = [] if self._pool is None else self._pool.drawn_values(self.measurement.kind)
        named = sorted({str(found.values[NAMED]) for found in drawn if found.values.get(NAMED)})
        searched = [found for found in drawn if found.photo in self._noise.kept]
        apart = [found for found in searched if NAMED not in found.values]
        if not named or not apart:
            return []
        shown = ", ".join(map(printable, named[:_MOST_NAMES]))
        more = ", …" if len(named) > _MOST_NAMES else ""
        words = (
            f"{counted(len(apart), 'photo')} searched here go by their EXIF data, others of "
            f"the pool by a name ({shown}{more}), and noise goes with kernels of its own camera; "
            "`degrade build-pool PHOTOS camera=NAME` gives these the name, too"
        )
        return [Fact("cameras_by_exif", words, {"photos": len(apart), "named": named})]
