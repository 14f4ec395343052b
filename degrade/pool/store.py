"""Adding to the pool's folder: ``kernels/<id>.npy``, ``noise/<id>.npy``, then ``index.jsonl``.

An object file is complete on disk before its index line is written, and neither is ever changed,
so the pool is sound whenever a writer is killed. An id is a hash of the content: adding a thing
twice changes nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self

from degrade.arrays import AnyArray
from degrade.degradation import Recipe
from degrade.disk.files import resolve_inside
from degrade.disk.locks import folder_lock
from degrade.errors import InvalidValueError, printable
from degrade.geometry import Scale
from degrade.kernels import BlurKernel
from degrade.noise import NoisePatch
from degrade.noise.residuals import channel_means
from degrade.pool.findings import Findings, FoundObject
from degrade.pool.folder import make_folder
from degrade.pool.index_file import IndexWriter, open_index_writer
from degrade.pool.matched import matched_record
from degrade.pool.object_files import content_id
from degrade.pool.reading import PoolReader
from degrade.pool.records import (
    KernelRecord,
    MeasurementRecord,
    NoiseRecord,
    PhotoRecord,
    Provenance,
    Record,
    as_written,
)

__all__ = ["DegradationPool", "Findings", "MergeReport"]

_Object = tuple[KernelRecord | NoiseRecord, AnyArray]

_MERGED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class MergeReport:
    """How many entries a merge added; those already there are not counted."""

    kernels: int
    noise: int
    photos: int


class DegradationPool(PoolReader):
    """Kernels and noise residuals with their provenance. Make one by :meth:`open` or `create`.

    To read it is as :class:`~degrade.pool.reading.PoolReader` says. Writers exclude each other:
    hold :meth:`writing` over a run that adds as results come.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, path: Path, until: int | None = None) -> None:
        super().__init__(path, until)
        self._writer: IndexWriter | None = None

    @classmethod
    def create(cls, path: Path) -> Self:
        """Open the pool at ``path``, made first if there is none.

        Raises
        ------
        DegradeError
            The folder holds other files, cannot be made, or holds a damaged pool.
        """
        make_folder(path)
        return cls.open(path)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the pool for adding; what others added meanwhile is read first. May be nested.

        Raises
        ------
        FolderInUseError
            Another run is writing into this pool.
        InvalidValueError
            The pool was opened as it was at an earlier time.
        """
        if self.is_nothing:
            raise InvalidValueError("there is no pool that anything could be added to")
        if self.is_fingerprint:
            raise InvalidValueError(
                f"{printable(self.path)} is a fingerprint, and nothing can be added to it"
            )
        if self._until is not None:
            raise InvalidValueError(
                f"{printable(self.path)} was opened until byte {self._until} of its index; "
                "open it without a limit to add to it"
            )
        if self._writer is not None:
            yield
            return
        with folder_lock(self.path):
            self._load()
            self._objects.prepare()
            index = resolve_inside(self.path, "index.jsonl")
            with open_index_writer(index, self._index_end) as self._writer:
                try:
                    yield
                finally:
                    self._writer = None

    def add_kernel(self, kernel: BlurKernel, provenance: Provenance) -> str:
        """Keep a kernel and return its id; one that is there is left, or mended if damaged."""
        described = _describe_kernel(kernel, provenance)
        self._add_all([], [described])
        return described[0].id

    def add_noise(self, patch: NoisePatch, provenance: Provenance) -> str:
        """Keep a noise patch and return its id; as :meth:`add_kernel`."""
        described = _describe_patch(patch, provenance)
        self._add_all([], [described])
        return described[0].id

    def add_photo(self, photo: PhotoRecord) -> None:
        """Remember a photo; given again with another name or path, the new ones count."""
        self.add_photos([photo])

    def add_photos(self, photos: Sequence[PhotoRecord]) -> None:
        """Remember photos as :meth:`add_photo` does: all or none, flushed to disk together."""
        self._add_all(photos, [])

    def add_findings(self, photo: PhotoRecord, findings: Sequence[Findings]) -> None:
        """Remember a photo and keep what measurements found in it, flushed to disk together.

        After a crash the pool knows all of the photo's entries, the first few, or none; of a
        measurement that it knows it has every object.
        """
        self.add_all_findings([(photo, found) for found in findings])

    def add_all_findings(self, found: Sequence[tuple[PhotoRecord, Findings]]) -> None:
        """Keep what measurements found in several photos; as :meth:`add_findings`."""
        photos = {photo.sha256: photo for photo, _ in found}
        objects: list[_Object] = []
        records = []
        for photo, findings in found:
            described = [_describe(item, findings, photo) for item in findings.objects or ()]
            objects += described
            records.append(findings.as_record(photo, tuple(record.id for record, _ in described)))
        self._add_all(list(photos.values()), objects, records)

    def add_match(
        self,
        kernels: Sequence[tuple[BlurKernel, Provenance]],
        recipe: Recipe,
        scale: Scale,
        facts: Mapping[str, Any],
    ) -> MeasurementRecord:
        """Keep what `degrade match` has made: kernels, and the recipe that draws them.

        It takes the place of an earlier match of the scale; all of it is kept, or none.

        Parameters
        ----------
        kernels : sequence of (BlurKernel, Provenance)
        recipe : Recipe
        scale : Scale
        facts : mapping of str to JSON's types
            What is to be remembered besides.
        """
        described = [_describe_kernel(kernel, made) for kernel, made in kernels]
        ids = {record.id for record, _ in described}
        match = matched_record(recipe, sorted(ids), scale, facts)
        self._add_all([], described, [match])
        return match

    def prefer(self, measurements: Iterable[MeasurementRecord]) -> None:
        """Let plans draw from these, though others were measured later with other settings.

        Parameters
        ----------
        measurements : iterable of MeasurementRecord
            Of this pool. Those that are kernels or patches are passed over: all of these are drawn.
        """
        wanted = [m for m in measurements if m.objects is None]
        if not wanted:
            return
        with self.writing():
            drawn = self._contents.drawn()
            self._append([m for m in wanted if drawn.get((m.kind, m.photo)) != m])

    def _add_all(
        self,
        photos: Sequence[PhotoRecord],
        objects: Sequence[_Object],
        measurements: Sequence[MeasurementRecord] = (),
    ) -> None:
        with self.writing():
            records: list[Record] = [p for p in photos if not self._contents.has_fact(p)]
            missing: dict[str, _Object] = {}
            # What was measured of a photo again, with other settings, may be that kernel again.
            again = {record.id: record for record, _ in reversed(objects)} if measurements else {}
            records += [record for record in again.values() if self._contents.is_news(record)]
            for record, array in objects:
                known = self._contents.has(record)
                if self._contents.becomes_own(record) and record not in records:
                    records.append(record)
                if record.id not in missing and not (known and self._is_sound(record)):
                    missing[record.id] = record, array
                    records += [] if known else [record]
            # Last, so that a measurement whose line was written has all its objects.
            records += [m for m in measurements if not self._contents.has_fact(m)]
            # The files first: a line never tells of what is not whole on disk.
            self._objects.write(list(missing.values()))
            self._append(records)

    def _append(self, records: Sequence[Record]) -> None:
        if self._writer is None:
            raise RuntimeError("records are appended only while writing")
        self._writer.append(records)
        self._index_end = self._writer.length
        self._contents.remember(records)

    def merge(self, other: DegradationPool) -> MergeReport:
        """Add everything that ``other`` has and this pool has not, with its provenance.

        Where both have measured a photo, plans go on drawing from what this pool has.

        Raises
        ------
        CorruptDataError
            Something of ``other`` is damaged; what came before it has been added.
        """
        with self.writing():
            before = self._contents.counts()
            known = self._contents.photos
            photos = [photo for photo in other.photos if photo.sha256 not in known]
            self._add_all(photos, [])
            for some in _in_batches(other._read_objects()):
                self._add_all([], some)
            self._append(self._measurements_from(other))
        now = self._contents.counts()
        return MergeReport(*(count - old for count, old in zip(now, before, strict=True)))

    def _measurements_from(self, other: DegradationPool) -> list[MeasurementRecord]:
        """Return what another pool has measured besides, then what goes on to count here."""
        ours = self._contents.measurements
        added = [m for key, m in other._contents.measurements.items() if key not in ours]
        outdone = {(m.kind, m.photo) for m in added if m.objects is None}
        return [*added, *(m for key, m in self._contents.drawn().items() if key in outdone)]

    def _read_objects(self) -> Iterator[_Object]:
        for kernel in self._contents.kernels.values():
            self.read_kernel(kernel.id)  # a kernel that breaks the rules is not passed on
            yield kernel, self._objects.read_weights(kernel)
        for noise in self.noise:
            yield noise, self._objects.map_pixels(noise)


def _describe(item: FoundObject, findings: Findings, photo: PhotoRecord) -> _Object:
    provenance = findings.provenance(item, photo)
    if isinstance(item.content, BlurKernel):
        return _describe_kernel(item.content, provenance)
    return _describe_patch(item.content, provenance)


def _describe_kernel(kernel: BlurKernel, provenance: Provenance) -> _Object:
    key = content_id(kernel.weights, kernel.scale)
    return KernelRecord(key, as_written(kernel.scale), kernel.size, provenance), kernel.weights


def _describe_patch(patch: NoisePatch, provenance: Provenance) -> tuple[NoiseRecord, AnyArray]:
    pixels = patch.pixels
    red, green, blue = (float(mean) for mean in channel_means(pixels))
    record = NoiseRecord(
        content_id(pixels),
        pixels.shape[0],
        patch.variance,
        patch.brightness,
        (red, green, blue),
        provenance,
    )
    return record, pixels


def _in_batches(objects: Iterator[_Object]) -> Iterator[list[_Object]]:
    while some := list(islice(objects, _MERGED_AT_ONCE)):
        yield some
