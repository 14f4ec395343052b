"""What is to be visited, and a visit: each photo is read, hashed, parsed and decoded once.

What the pool has is not measured again. To know that, a file's content must be known; but a file
that is as long as no photo of the pool and no other file of the run is new for certain, and goes
straight to the workers. The others are looked at (hash and header) first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from degrade.errors import InputError
from degrade.images.sources import Reject, SourceFile
from degrade.kernels.estimates import UnsuitablePhotoError
from degrade.pool import DegradationPool, Findings
from pipelines.measuring.collector import Collector
from pipelines.measuring.measurement import Measurement
from pipelines.shared.finding_photos import once_each, scan_photos
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import OpenPhoto, ScannedPhoto, changed_meanwhile

__all__ = ["Visit", "Visited", "plan_visits", "visit_photo"]

_PIXELS_A_BYTE = 3
"""Of a camera's JPEG file. Of other files these are too many, which starts workers a little early;
what they cost exactly only their headers tell, and those are read once, by the worker."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A file to measure, and by what: numbers of collectors.

    ``scanned`` is what the file was when it was looked at; None when it is new.
    """

    file: SourceFile
    scanned: ScannedPhoto | None
    asked: tuple[int, ...]
    measurements: tuple[Measurement, ...]
    max_pixels: int

    def seconds(self) -> float:
        """Return about how long it takes."""
        known = self.scanned
        pixels = (
            _PIXELS_A_BYTE * _length(self.file) if known is None else known.height * known.width
        )
        return sum(measurement.seconds_for(pixels) for measurement in self.measurements)

    def singly(self) -> list[Visit]:
        """Return a visit for each measurement."""
        each = zip(self.asked, self.measurements, strict=True)
        return [replace(self, asked=(number,), measurements=(m,)) for number, m in each]


@dataclass(frozen=True, slots=True, eq=False)
class Visited:
    """A photo, what each measurement found in it or why it found nothing, notes of its decoding."""

    photo: ScannedPhoto
    outcomes: tuple[Findings | Reject, ...]
    notes: tuple[str, ...]


def visit_photo(visit: Visit) -> Visited:
    """Make a visit.

    Raises
    ------
    InputError
        The file cannot be read, is no photo, or changed since it was looked at.
    """
    file = visit.file
    photo = OpenPhoto(file, max_pixels=visit.max_pixels)
    if visit.scanned is not None and visit.scanned.sha256 != photo.scanned.sha256:
        raise changed_meanwhile(file.path)
    outcomes = tuple(_measure(measurement, photo) for measurement in visit.measurements)
    if photo.damage is not None:
        # Also for those that need no pixels: nothing is remembered of a damaged photo.
        outcomes = (Reject.from_error(photo.damage),) * len(outcomes)
    return Visited(photo.scanned, outcomes, photo.notes)


def _measure(measurement: Measurement, photo: OpenPhoto) -> Findings | Reject:
    try:
        return measurement.measure(photo)
    except InputError as error:
        return Reject.from_error(error)
    except UnsuitablePhotoError as error:
        return Reject(str(photo.scanned.path), error.reason, error.remedy)


def plan_visits(
    files: Sequence[SourceFile],
    pool: DegradationPool | None,
    collectors: Sequence[Collector],
    job: Job,
    max_pixels: int,
) -> tuple[list[Visit], int]:
    """Return what is to be visited, and how many photos need not be."""
    needs_all = any(collector.needs_all_first for collector in collectors)
    new = [] if needs_all else _certainly_new(files, pool)
    certain = set(new)
    looked_at, unusable = scan_photos(
        [file for file in files if file not in certain], max_pixels=max_pixels
    )
    job.rejects += unusable
    photos = once_each(looked_at)
    job.tell_copies(len(looked_at), len(photos))
    if pool is not None:
        known = {photo.sha256 for photo in pool.photos}
        # They may lie elsewhere now.
        pool.add_photos([photo.as_record() for photo in photos if photo.sha256 in known])
    asked: dict[str, list[int]] = {photo.sha256: [] for photo in photos}
    for number, collector in enumerate(collectors):
        for photo in collector.begin(pool, photos):
            asked[photo.sha256].append(number)

    def visit(file: SourceFile, scanned: ScannedPhoto | None, numbers: Sequence[int]) -> Visit:
        measurements = tuple(collectors[number].measurement for number in numbers)
        return Visit(file, scanned, tuple(numbers), measurements, max_pixels)

    again = [
        visit(SourceFile(photo.path, photo.name), photo, asked[photo.sha256])
        for photo in photos
        if asked[photo.sha256]
    ]
    visits = [*again, *(visit(file, None, range(len(collectors))) for file in new)]
    order = {file.path: place for place, file in enumerate(files)}
    return sorted(visits, key=lambda v: order[v.file.path]), len(photos) - len(again)


def _certainly_new(files: Sequence[SourceFile], pool: DegradationPool | None) -> list[SourceFile]:
    """Return the files that are as long as no photo of the pool and no other file."""
    lengths = [_length(file) for file in files]
    counts = Counter(lengths)
    known = set() if pool is None else {photo.bytes for photo in pool.photos}
    return [
        file
        for file, length in zip(files, lengths, strict=True)
        if counts[length] == 1 and length not in known
    ]


def _length(file: SourceFile) -> int:
    try:
        return file.path.stat().st_size
    except OSError:
        return 0  # reading it says what is wrong
