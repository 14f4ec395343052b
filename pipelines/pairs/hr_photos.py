"""The photos that pairs are made of: scanned, or trusted to be what the pool knows of them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from degrade.errors import CorruptDataError, DegradeError, printable
from degrade.images.sources import Reject, SourceFile, find_images
from degrade.pairs import Place
from degrade.pool import DegradationPool
from pipelines.executors import Executor
from pipelines.pairs.planning import BuildPairsConfig
from pipelines.shared.finding_photos import scan_photos
from pipelines.shared.photo_scan import ScannedPhoto, is_unchanged
from pipelines.shared.reports import ProgressCallback
from pipelines.shared.run_settings import RUN_FILE

__all__ = ["DISTRUSTED", "HRPhotos", "distrusted_in", "find_hr_photos"]

DISTRUSTED = "distrusted"
"""Where a run's file names photos, by sha256, that look as the pool knows them and are not."""


@dataclass(frozen=True, slots=True)
class HRPhotos:
    """Photos to make pairs of.

    Attributes
    ----------
    trusted : list of ScannedPhoto
        Photos of the pool to whose files, as far as the system tells, nothing was written since.
    scanned : list of ScannedPhoto
        Photos that were read and found sound.
    rejects : list of Reject
    distrusted : tuple of str
        The sha256 of photos that were trusted and are not what they were; sorted.
    """

    trusted: list[ScannedPhoto]
    scanned: list[ScannedPhoto]
    rejects: list[Reject]
    distrusted: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many there are, rejects included."""
        return len(self.trusted) + len(self.scanned) + len(self.rejects)

    def looked_at(self, max_pixels: int, executor: Executor) -> HRPhotos:
        """Scan what was trusted."""
        files = [SourceFile(photo.path, photo.name, photo.sha256) for photo in self.trusted]
        found, lost = scan_photos(files, max_pixels=max_pixels, executor=executor)
        gone = {photo.sha256 for photo in self.trusted} - {photo.sha256 for photo in found}
        distrusted = tuple(sorted({*self.distrusted, *gone}))
        return HRPhotos([], [*self.scanned, *found], [*self.rejects, *lost], distrusted)


def distrusted_in(place: Place) -> tuple[str, ...]:
    """Return which photos the run that was begun in a place has found changed."""
    try:
        found = json.loads(place.read(RUN_FILE)).get(DISTRUSTED, [])
    except (CorruptDataError, ValueError, AttributeError, RecursionError):
        return ()  # what is wrong with the file is said when the run is resumed
    return tuple(sorted(map(str, found))) if isinstance(found, list) else ()


def find_hr_photos(
    pool: DegradationPool,
    config: BuildPairsConfig,
    distrusted: Collection[str],
    executor: Executor,
    on_scan: ProgressCallback | None,
) -> HRPhotos:
    """Find the photos: those of ``config.hr``, else those that the pool was measured on.

    Raises
    ------
    DegradeError
        There is neither.
    """
    known: list[ScannedPhoto] = []
    files: list[SourceFile] = []
    rejects: list[Reject] = []
    if config.hr:
        # Absolute: a worker may have another current folder.
        files, rejects = find_images([path.absolute() for path in config.hr])
    elif not pool.photos:
        raise DegradeError(
            f"{printable(pool.path)} does not know the photos that it was measured on; "
            "give clean HR photos: `hr=DIR`"
        )
    for record in () if config.hr else pool.photos:
        is_known = is_unchanged(record) and record.sha256 not in distrusted
        if is_known and record.height * record.width <= config.max_pixels:
            known.append(ScannedPhoto.from_record(record))
        else:  # gone, written since, or too large: the scan says so, or finds it the same
            files.append(SourceFile(Path(record.path), record.name, record.sha256))
    scanned, unreadable = scan_photos(
        files, max_pixels=config.max_pixels, executor=executor, on_progress=on_scan
    )
    distrusted = () if config.hr else tuple(sorted(distrusted))
    return HRPhotos(known, scanned, [*rejects, *unreadable], distrusted)
