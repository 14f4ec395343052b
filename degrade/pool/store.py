"""The pool's folder: ``pool.json``, ``index.jsonl``, ``kernels/<id>.npy``, ``noise/<id>.npy``.

An object file is complete on disk before its index line is written, and neither is ever changed,
so the pool is sound whenever a writer is killed. An id is a hash of the content: adding a thing
twice changes nothing, and what is read back is checked against its name.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from degrade.arrays import AnyArray, FloatArray
from degrade.degradation import NoiseChoice, PoolIndex
from degrade.errors import CorruptDataError, DegradeError, InputError, InvalidValueError, printable
from degrade.files import folder_lock, read_file, resolve_inside, write_atomically
from degrade.kernels import BlurKernel
from degrade.noise import NoisePatch, channel_means, residual_of, tile_residual
from degrade.pool.index_file import IndexWriter, open_index_writer, read_index
from degrade.pool.object_files import ObjectFiles, content_id
from degrade.pool.records import KernelRecord, NoiseRecord, Provenance, Record, SourceRecord

__all__ = ["DegradationPool", "MergeReport"]

_T = TypeVar("_T")

_FORMAT = {"format": "degrade-pool", "version": 1}


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

    def __init__(self, path: Path) -> None:
        self.path = path
        self._kernels: dict[str, KernelRecord] = {}
        self._noise: dict[str, NoiseRecord] = {}
        self._sources: dict[str, SourceRecord] = {}
        self._index_end = 0
        self._writer: IndexWriter | None = None
        self._objects = ObjectFiles(path)

    @classmethod
    def open(cls, path: Path) -> DegradationPool:
        """Open a pool for reading (and adding); nothing is written.

        Raises
        ------
        DegradeError
            There is no pool at ``path``, or it is damaged or of another version.
        """
        _check_format(path)
        pool = cls(path)
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
        try:
            path.mkdir(parents=True, exist_ok=True)
            names = {entry.name for entry in path.iterdir()}
        except OSError as error:
            raise DegradeError(
                f"{printable(path)}: no pool can be made there ({error.strerror})"
            ) from None
        if "pool.json" not in names:
            if any(not name.endswith((".tmp", ".lock")) for name in names):
                raise DegradeError(
                    f"{printable(path)} holds other files and is no pool; give a new folder"
                )
            write_atomically(path / "pool.json", json.dumps(_FORMAT).encode() + b"\n")
        return cls.open(path)

    def __reduce__(self) -> tuple[object, ...]:
        return DegradationPool.open, (self.path,)

    def _load(self) -> None:
        records, self._index_end = read_index(resolve_inside(self.path, "index.jsonl"))
        self._kernels, self._noise, self._sources = {}, {}, {}
        for record in records:
            self._remember(record)

    def _remember(self, record: Record) -> None:
        match record:
            case KernelRecord():
                self._kernels[record.id] = record
            case NoiseRecord():
                self._noise[record.id] = record
            case SourceRecord():
                self._sources[record.sha256] = record

    @property
    def kernels(self) -> tuple[KernelRecord, ...]:
        """All kernels, by id."""
        return tuple(self._kernels[key] for key in sorted(self._kernels))

    @property
    def noise(self) -> tuple[NoiseRecord, ...]:
        """All noise patches, by id."""
        return tuple(self._noise[key] for key in sorted(self._noise))

    @property
    def sources(self) -> tuple[SourceRecord, ...]:
        """Every photo that the pool was measured on, by sha256."""
        return tuple(self._sources[key] for key in sorted(self._sources))

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the pool for adding; what others added meanwhile is read first. May be nested.

        Raises
        ------
        FolderInUseError
            Another run is writing into this pool.
        """
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
        weights = kernel.weights
        key = content_id(weights, kernel.scale)
        self._add(KernelRecord(key, kernel.scale, kernel.size, provenance), weights)
        return key

    def add_noise(self, patch: NoisePatch, provenance: Provenance) -> str:
        """Keep a noise patch and return its id; as :meth:`add_kernel`."""
        pixels = patch.pixels
        red, green, blue = (float(mean) for mean in channel_means(pixels))
        key = content_id(pixels)
        record = NoiseRecord(
            key, pixels.shape[0], patch.variance, patch.brightness, (red, green, blue), provenance
        )
        self._add(record, pixels)
        return key

    def add_source(self, source: SourceRecord) -> None:
        """Remember a photo; given again with another name or path, the new ones count."""
        with self.writing():
            if self._sources.get(source.sha256) != source:
                self._append(source)

    def _add(self, record: KernelRecord | NoiseRecord, array: AnyArray) -> None:
        with self.writing():
            known = record.id in self._kernels or record.id in self._noise
            if known and self._is_sound(record):
                return
            self._objects.write(record, array)
            if not known:
                self._append(record)

    def _is_sound(self, record: KernelRecord | NoiseRecord) -> bool:
        try:
            self._objects.check(record)
        except CorruptDataError:
            return False
        return True

    def _append(self, record: Record) -> None:
        if self._writer is None:
            raise RuntimeError("records are appended only while writing")
        self._writer.append(record)
        self._remember(record)

    def read_kernel(self, kernel_id: str) -> BlurKernel:
        """Read one kernel.

        Raises
        ------
        InvalidValueError
            The pool has no kernel of this id.
        CorruptDataError
            Its file is missing, or does not hold what was added.
        """
        record = _find(self._kernels, kernel_id, "kernel", self.path)
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
        record = _find(self._noise, noise_id, "noise patch", self.path)
        return residual_of(self._objects.map_pixels(record), np.array(record.means))

    def read_residual_crop(
        self, noise_id: str, top: int, left: int, height: int, width: int
    ) -> FloatArray:
        """Read a (height, width, 3) window of a residual, mirrored on beyond its edges.

        The file is mapped, so only the window's pages are read; its content is checked once per
        process, when it is first used.

        Raises
        ------
        InvalidValueError, CorruptDataError
            As for :meth:`read_kernel`; the window begins before the patch or is empty.
        """
        if min(top, left) < 0 or min(height, width) < 1:
            raise InvalidValueError(f"not a window: {(top, left, height, width)}")
        record = _find(self._noise, noise_id, "noise patch", self.path)
        crop = tile_residual(self._objects.map_pixels(record), top, left, height, width)
        return residual_of(crop, np.array(record.means))

    def index(self, scale: int) -> PoolIndex:
        """Return what plans at ``scale`` may draw from."""
        return PoolIndex(
            tuple(key for key, kernel in self._kernels.items() if kernel.scale == scale),
            tuple(NoiseChoice(key, noise.size) for key, noise in self._noise.items()),
        )

    def digest(self, scale: int) -> str:
        """Return the sha256 of the ids that :meth:`index` offers, that is, of their content."""
        index = self.index(scale)
        text = "\n".join(
            [f"scale {scale}", *index.kernel_ids, "noise", *(n.id for n in index.noise)]
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def kernels_measured(self, settings: str) -> dict[str, str]:
        """Return source sha256 to kernel id, of the kernels made with exactly these settings."""
        return {
            kernel.provenance.source_sha256: kernel.id
            for kernel in self._kernels.values()
            if kernel.provenance.settings == settings
            and kernel.provenance.source_sha256 is not None
        }

    def merge(self, other: DegradationPool) -> MergeReport:
        """Add everything that ``other`` has, with its provenance.

        Raises
        ------
        CorruptDataError
            Something of ``other`` is damaged; what came before it has been added.
        """
        with self.writing():
            before = len(self._kernels), len(self._noise), len(self._sources)
            for source in other.sources:
                if source.sha256 not in self._sources:
                    self._append(source)
            for kernel in other.kernels:
                other.read_kernel(kernel.id)  # a kernel that breaks the rules is not passed on
                self._add(kernel, other._objects.read_weights(kernel))
            for noise in other.noise:
                self._add(noise, other._objects.map_pixels(noise))
        return MergeReport(
            len(self._kernels) - before[0],
            len(self._noise) - before[1],
            len(self._sources) - before[2],
        )

    def verify(self) -> list[str]:
        """Read and check every kernel and noise patch; return one line for each problem.

        Files that the index does not name are one too: a killed run leaves at most one, an index
        that was cut leaves many.
        """
        known = {f"kernels/{key}.npy" for key in self._kernels}
        known |= {f"noise/{key}.npy" for key in self._noise}
        there = {f"{path.parent.name}/{path.name}" for path in self.path.glob("*/*.npy")}
        problems = [
            f"{printable(self.path / name)}: not in index.jsonl; harmless if a run was killed "
            "while adding it, else restore the index"
            for name in sorted(there - known)
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


def _check_format(path: Path) -> None:
    where = printable(path)
    if not (path / "pool.json").exists():
        raise DegradeError(
            f"{where} is no degradation pool; make one: degrade build-pool SRC --pool {where}"
        )
    try:
        found = json.loads(read_file(resolve_inside(path, "pool.json")))
    except (InputError, ValueError, RecursionError) as error:
        raise CorruptDataError(f"{where}/pool.json is damaged ({printable(str(error))})") from None
    if found != _FORMAT:
        raise CorruptDataError(f"{where}/pool.json is not of format {_FORMAT}, got {found!r:.80}")


def _find(records: Mapping[str, _T], key: str, what: str, path: Path) -> _T:
    if key not in records:
        raise InvalidValueError(f"{printable(path)} has no {what} {printable(key)}")
    return records[key]
