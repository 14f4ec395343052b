"""The pool's folder: ``pool.json``, ``index.jsonl``, ``kernels/<id>.npy``, ``noise/<id>.npy``.

An object file is complete on disk before its index line is written, and neither is ever changed,
so the pool is sound whenever a writer is killed. An id is a hash of the content: adding a thing
twice changes nothing, and what is read back is checked against its name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from degrade.arrays import AnyArray, FloatArray
from degrade.degradation import PoolIndex
from degrade.errors import CorruptDataError, DegradeError, InvalidValueError, printable
from degrade.files import resolve_inside
from degrade.kernels import BlurKernel
from degrade.locks import folder_lock
from degrade.noise import NoisePatch
from degrade.pool.contents import PoolContents
from degrade.pool.folder import check_folder, make_folder
from degrade.pool.index_file import IndexWriter, open_index_writer, read_index
from degrade.pool.object_files import ObjectFiles, content_id
from degrade.pool.records import (
    KernelRecord,
    NoiseRecord,
    Provenance,
    Record,
    SearchRecord,
    SourceRecord,
)
from degrade.residuals import channel_means, residual_of, tile_residual

__all__ = ["DegradationPool", "MergeReport"]

_T = TypeVar("_T")

_Object = tuple[KernelRecord | NoiseRecord, AnyArray]

_MERGED_AT_ONCE = 64


@dataclass(frozen=True, slots=True)
class MergeReport:
    """How many entries a merge added; those already there are not counted."""

    kernels: int
    noise: int
    sources: int


class DegradationPool:
    """Kernels and noise residuals with their provenance. Make one by :meth:`open` or `create`.

    A reader sees the entries that were there when it opened the pool and needs no lock. Writers
    exclude each other: hold :meth:`writing` over a run that adds as results come. Unpickling opens
    the folder again. Not for use by several threads at once.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, path: Path, until: int | None = None) -> None:
        self.path = path
        self._until = until
        self._contents = PoolContents()
        self._index_end = 0
        self._writer: IndexWriter | None = None
        self._objects = ObjectFiles(path)

    @classmethod
    def open(cls, path: Path, *, until: int | None = None) -> DegradationPool:
        """Open a pool for reading (and adding); nothing is written.

        Parameters
        ----------
        path : Path
        until : int or None
            An :attr:`index_end` of this pool: open it, for reading only, as it was at that time.

        Raises
        ------
        InvalidValueError
            ``until`` is negative.
        DegradeError
            There is no pool at ``path``, it is damaged or of another version, or it never ended
            at ``until``.
        """
        if until is not None and until < 0:
            raise InvalidValueError(f"until must be at least 0, got {until}")
        check_folder(path)
        pool = cls(path, until)
        pool._load()
        return pool

    @classmethod
    def create(cls, path: Path) -> DegradationPool:
        """Open the pool at ``path``, made first if there is none.

        Raises
        ------
        DegradeError
            The folder holds other files, cannot be made, or holds a damaged pool.
        """
        make_folder(path)
        return cls.open(path)

    def __reduce__(self) -> tuple[object, ...]:
        return _open_until, (self.path, self._until)

    @property
    def index_end(self) -> int:
        """How many bytes of ``index.jsonl`` tell of what this pool holds now.

        The index only grows, so :meth:`open` with this number shows the same pool at any later
        time and on any machine.
        """
        return self._index_end if self._writer is None else self._writer.length

    def _load(self) -> None:
        index = resolve_inside(self.path, "index.jsonl")
        records, self._index_end = read_index(index, self._until)
        self._contents = PoolContents()
        self._contents.remember(records)

    @property
    def kernels(self) -> tuple[KernelRecord, ...]:
        """All kernels, by id."""
        return tuple(self._contents.kernels[key] for key in sorted(self._contents.kernels))

    @property
    def noise(self) -> tuple[NoiseRecord, ...]:
        """All noise patches, by id."""
        return tuple(self._contents.noise[key] for key in sorted(self._contents.noise))

    @property
    def sources(self) -> tuple[SourceRecord, ...]:
        """Every photo that the pool was measured on, by sha256."""
        return tuple(self._contents.sources[key] for key in sorted(self._contents.sources))

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
                    self._index_end = self.index_end
                    self._writer = None

    def add_kernel(self, kernel: BlurKernel, provenance: Provenance) -> str:
        """Keep a kernel and return its id; one that is there is left, or mended if damaged."""
        weights = kernel.weights
        key = content_id(weights, kernel.scale)
        self._add_all([], [(KernelRecord(key, kernel.scale, kernel.size, provenance), weights)])
        return key

    def add_noise(self, patch: NoisePatch, provenance: Provenance) -> str:
        """Keep a noise patch and return its id; as :meth:`add_kernel`."""
        described = _describe_patch(patch, provenance)
        self._add_all([], [described])
        return described[0].id

    def add_source(self, source: SourceRecord) -> None:
        """Remember a photo; given again with another name or path, the new ones count."""
        self._add_all([source], [])

    def add_photo(
        self,
        source: SourceRecord,
        patches: Iterable[tuple[NoisePatch, Provenance]],
        search: Callable[[tuple[str, ...]], SearchRecord] | None = None,
    ) -> tuple[str, ...]:
        """Remember a photo and keep its noise patches; return their ids.

        ``search`` makes from these ids the record of the search that found them.

        As :meth:`add_source` and :meth:`add_noise`, but flushed to disk together: after a crash
        the pool knows all of the photo's entries, the first few, or none.
        """
        objects = [_describe_patch(patch, provenance) for patch, provenance in patches]
        ids = tuple(record.id for record, _ in objects)
        self._add_all([source], objects, [] if search is None else [search(ids)])
        return ids

    def _add_all(
        self,
        sources: Sequence[SourceRecord],
        objects: Sequence[_Object],
        searches: Sequence[SearchRecord] = (),
    ) -> None:
        with self.writing():
            records: list[Record] = [s for s in sources if not self._contents.has_fact(s)]
            missing: dict[str, _Object] = {}
            for record, array in objects:
                known = self._contents.has(record)
                if record.id not in missing and not (known and self._is_sound(record)):
                    missing[record.id] = record, array
                    records += [] if known else [record]
            # Last, so that a search whose line was written has all its patches.
            records += [s for s in searches if not self._contents.has_fact(s)]
            # The files first: a line never tells of what is not whole on disk.
            self._objects.write(list(missing.values()))
            self._append(records)

    def _is_sound(self, record: KernelRecord | NoiseRecord) -> bool:
        try:
            self._objects.check(record)
        except CorruptDataError:
            return False
        return True

    def _append(self, records: Sequence[Record]) -> None:
        if self._writer is None:
            raise RuntimeError("records are appended only while writing")
        self._writer.append(records)
        self._contents.remember(records)

    def read_kernel(self, kernel_id: str) -> BlurKernel:
        """Read one kernel.

        Raises
        ------
        InvalidValueError
            The pool has no kernel of this id.
        CorruptDataError
            Its file is missing, or does not hold what was added.
        """
        record = _find(self._contents.kernels, kernel_id, "kernel", self.path)
        weights = self._objects.read_weights(record)
        try:
            return BlurKernel(weights, record.scale, record.provenance.source_name)
        except InvalidValueError as error:
            raise CorruptDataError(f"{printable(self._objects.path(record))}: {error}") from None

    def read_residual(self, noise_id: str) -> FloatArray:
        """Read one residual whole: (P, P, 3) float32, zero mean per channel.

        Raises
        ------
        InvalidValueError, CorruptDataError
            As for :meth:`read_kernel`.
        """
        record = _find(self._contents.noise, noise_id, "noise patch", self.path)
        return residual_of(self._objects.map_pixels(record), np.array(record.means))

    def read_residual_crop(
        self, noise_id: str, top: int, left: int, height: int, width: int
    ) -> FloatArray:
        """Read a (height, width, 3) window of a residual, mirrored on beyond its edges.

        Of the file only the window's rows are read; its content is checked once per process, when
        it is first used.

        Raises
        ------
        InvalidValueError, CorruptDataError
            As for :meth:`read_kernel`; the window begins before the patch or is empty.
        """
        if min(top, left) < 0 or min(height, width) < 1:
            raise InvalidValueError(f"not a window: {(top, left, height, width)}")
        record = _find(self._contents.noise, noise_id, "noise patch", self.path)
        if top + height <= record.size and left + width <= record.size:
            rows = self._objects.read_rows(record, top, height)
            crop = rows[:, left : left + width]
        else:
            crop = tile_residual(self._objects.map_pixels(record), top, left, height, width)
        return residual_of(crop, np.array(record.means))

    def index(self, scale: int) -> PoolIndex:
        """Return what plans at ``scale`` may draw from."""
        return self._contents.index(scale)

    def digest(self, scale: int) -> str:
        """Return the sha256 of the ids that :meth:`index` offers, that is, of their content."""
        return self._contents.digest(scale)

    def kernels_measured(self, settings: str) -> dict[str, str]:
        """Return source sha256 to kernel id, of the kernels made with exactly these settings."""
        return {
            kernel.provenance.source_sha256: kernel.id
            for kernel in self._contents.kernels.values()
            if kernel.provenance.settings == settings
            and kernel.provenance.source_sha256 is not None
        }

    def searches(self, settings: str) -> dict[str, str]:
        """Return source sha256 to findings, of the searches made with exactly these settings."""
        return {
            search.sha256: search.findings
            for search in self._contents.searches.values()
            if search.settings == settings
        }

    def has_sound(self, key: str) -> bool:
        """Tell whether a kernel or noise patch is known and its file holds what was added."""
        record = self._contents.kernels.get(key) or self._contents.noise.get(key)
        return record is not None and self._is_sound(record)

    def merge(self, other: DegradationPool) -> MergeReport:
        """Add everything that ``other`` has, with its provenance.

        Raises
        ------
        CorruptDataError
            Something of ``other`` is damaged; what came before it has been added.
        """
        with self.writing():
            before = self._contents.counts()
            known = self._contents.sources
            photos = [s for s in other.sources if s.sha256 not in known]
            self._add_all(photos, [])
            for some in _in_batches(other._read_objects()):
                self._add_all([], some)
            self._add_all([], [], list(other._contents.searches.values()))
        now = self._contents.counts()
        return MergeReport(*(count - old for count, old in zip(now, before, strict=True)))

    def _read_objects(self) -> Iterator[_Object]:
        for kernel in self.kernels:
            self.read_kernel(kernel.id)  # a kernel that breaks the rules is not passed on
            yield kernel, self._objects.read_weights(kernel)
        for noise in self.noise:
            yield noise, self._objects.map_pixels(noise)

    def verify(self) -> list[str]:
        """Read and check every kernel and noise patch; return one line for each problem.

        Files that the index does not name are one too: a killed run leaves those of one photo, an
        index that was cut leaves many. A pool opened as it was at an earlier time passes them over.
        """
        known = set(self._contents.file_names())
        there = {f"{path.parent.name}/{path.name}" for path in self.path.glob("*/*.npy")}
        problems = [
            f"{printable(self.path / name)}: not in index.jsonl; harmless if a run was killed "
            "while adding it, else restore the index"
            for name in sorted(there - known)
            if self._until is None
        ]
        for kernel in self.kernels:
            try:
                self.read_kernel(kernel.id)
            except DegradeError as error:
                problems.append(str(error))
        for noise in self.noise:
            try:
                self._objects.check(noise)
            except DegradeError as error:
                problems.append(str(error))
        return problems


def _open_until(path: Path, until: int | None) -> DegradationPool:
    return DegradationPool.open(path, until=until)


def _describe_patch(patch: NoisePatch, provenance: Provenance) -> tuple[NoiseRecord, AnyArray]:
    pixels = patch.pixels
    red, green, blue = (float(mean) for mean in channel_means(pixels))
    record = NoiseRecord(
        content_id(pixels), pixels.shape[0], patch.variance, patch.brightness, (red, green, blue),
        provenance,
    )  # fmt: skip
    return record, pixels


def _in_batches(objects: Iterator[_Object]) -> Iterator[list[_Object]]:
    while some := list(islice(objects, _MERGED_AT_ONCE)):
        yield some


def _find(records: Mapping[str, _T], key: str, what: str, path: Path) -> _T:
    if key not in records:
        raise InvalidValueError(f"{printable(path)} has no {what} {printable(key)}")
    return records[key]
