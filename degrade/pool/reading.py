"""Reading the pool's folder: ``pool.json``, ``index.jsonl``, ``kernels/`` and ``noise/``.

The index only grows and no object file is ever changed, so a reader needs no lock. The name of an
object file is a hash of the content: what is read back is checked against it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np

from degrade.arrays import FloatArray
from degrade.degradation import PoolIndex, Recipe
from degrade.degradation.index import MATCHED
from degrade.disk.files import resolve_inside
from degrade.disk.processes import is_temporary
from degrade.errors import CorruptDataError, DegradeError, InvalidValueError, as_typed, printable
from degrade.geometry import Scale
from degrade.kernels import BlurKernel
from degrade.noise.residuals import residual_of, tile_residual
from degrade.pool.contents import PoolContents
from degrade.pool.fingerprint import HeldKernels, open_fingerprint
from degrade.pool.folder import check_folder
from degrade.pool.index_file import read_index
from degrade.pool.matched import clean_up_in, recipe_in
from degrade.pool.object_files import ObjectFiles
from degrade.pool.records import (
    IMPORTED,
    KernelRecord,
    MeasurementRecord,
    NoiseRecord,
    PhotoRecord,
    canonical_json,
)
from degrade.wording import counted

__all__ = ["PoolReader"]

_T = TypeVar("_T")

_NOWHERE = Path("no pool")
"""Stands for the path of a pool that holds nothing."""


class PoolReader:
    """The entries that were there when the pool was opened. Make one by :meth:`open`.

    Unpickling opens the folder again. Not for use by several threads at once.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, path: Path, until: int | None = None) -> None:
        self.path = path
        self._until = until
        self._contents = PoolContents()
        self._index_end = 0
        self._objects: ObjectFiles = ObjectFiles(path)

    @classmethod
    def open(cls, path: Path | None, *, until: int | None = None) -> Self:
        """Open a pool; nothing is written.

        Parameters
        ----------
        path : Path or None
            Of its folder, or of a fingerprint. None: a pool that holds nothing, for recipes that
            measure nothing.
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
        if path is None:
            return cls(_NOWHERE, 0)
        if not path.is_file():
            check_folder(path)
        pool = cls(path, until)
        pool._load()
        return pool

    def __reduce__(self) -> tuple[object, ...]:
        return _reopen, (type(self), None if self.is_nothing else self.path, self._until)

    def _load(self) -> None:
        if self.path.is_file():
            self._load_fingerprint()
            return
        index = resolve_inside(self.path, "index.jsonl")
        records, self._index_end = read_index(index, self._until)
        self._contents = PoolContents()
        self._contents.remember(records)

    def _load_fingerprint(self) -> None:
        records, self._objects = open_fingerprint(self.path)
        self._index_end = self.path.stat().st_size
        if self._until not in (None, self._index_end):
            raise DegradeError(f"{printable(self.path)} is not what it was when the run began")
        self._contents = PoolContents()
        self._contents.remember(records)

    @property
    def is_nothing(self) -> bool:
        """Whether there is no pool: it was opened without a path."""
        return self.path is _NOWHERE

    @property
    def is_fingerprint(self) -> bool:
        """Whether it is one file, without photos and noise patches."""
        return isinstance(self._objects, HeldKernels)

    @property
    def index_end(self) -> int:
        """How many bytes of ``index.jsonl`` tell of what this pool holds now.

        The index only grows, so :meth:`open` with this number shows the same pool at any later
        time and on any machine.
        """
        return self._index_end

    @property
    def kernels(self) -> tuple[KernelRecord, ...]:
        """All kernels as they were measured or imported, by id."""
        own = self._contents.own_kernels()
        return tuple(own[key] for key in sorted(own))

    @property
    def moved_kernels(self) -> dict[str, MeasurementRecord]:
        """What was made of a photo's own kernel by those of its camera, by the id of that."""
        return self._contents.moved_kernels()

    @property
    def outdated_kernels(self) -> frozenset[str]:
        """The kernels of earlier matches, by id: no plan draws them any more."""
        return self._contents.outdated_kernels()

    @property
    def noise(self) -> tuple[NoiseRecord, ...]:
        """All noise patches, by id."""
        return tuple(self._contents.noise[key] for key in sorted(self._contents.noise))

    @property
    def photos(self) -> tuple[PhotoRecord, ...]:
        """Every photo that the pool was measured on, by sha256."""
        return tuple(self._contents.photos[key] for key in sorted(self._contents.photos))

    @property
    def photo_names(self) -> dict[str, str]:
        """What each photo is called that anything was measured in, by sha256."""
        held = self._objects.names if isinstance(self._objects, HeldKernels) else {}
        return {**held, **{photo.sha256: photo.name for photo in self.photos}}

    @property
    def measured_photos(self) -> frozenset[str]:
        """The photos that anything was measured in, kernels too, by sha256; no imported kernel."""
        elsewhere = (IMPORTED, MATCHED)
        known = [record.provenance for record in self.kernels]
        of_kernels = {each.source_sha256 for each in known if each.method not in elsewhere}
        of_values = {each.photo for each in self.measurements if each.kind != MATCHED}
        return frozenset(sha for sha in of_kernels | of_values if sha is not None)

    @property
    def measurements(self) -> tuple[MeasurementRecord, ...]:
        """All that was measured, by kind, settings and photo."""
        found = self._contents.measurements
        return tuple(found[key] for key in sorted(found))

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

    def index(self, scale: Scale, measured: Collection[str] | None = None) -> PoolIndex:
        """Return what plans may draw from.

        All kernels and patches are offered, whatever they were measured with. Of values, those of
        the settings that were asked for last, photo by photo.

        Parameters
        ----------
        scale : Scale
            Of the kernels.
        measured : collection of str or None
            The kinds of measurements whose values are offered; None: all.
        """
        return self._contents.index(scale, measured)

    def digest(self, scale: Scale, measured: Collection[str] | None = None) -> str:
        """Return the sha256 of what :meth:`index` offers: ids, which stand for content, and values.

        The order in which all this was added does not matter, but for values of one photo with
        several settings.
        """
        return self._contents.digest(scale, measured)

    def drawn_values(self, kind: str) -> list[MeasurementRecord]:
        """Return the measurements of one kind whose values plans may draw from, one a photo."""
        return [m for (its, _), m in sorted(self._contents.drawn().items()) if its == kind]

    def measured(self, kind: str, settings: Mapping[str, Any]) -> dict[str, MeasurementRecord]:
        """Return what a measurement with exactly these settings found, by the photo's sha256."""
        return self._contents.measured(kind, settings)

    def matched_recipe(self, scale: Scale) -> Recipe:
        """Return the recipe that `degrade match` has left here, the latest of a scale.

        Raises
        ------
        DegradeError
            There is none, or it is of another version.
        """
        found = self._contents.match(scale)
        where = printable(self.path)
        if found is None:
            raise DegradeError(
                f"{where} has no recipe '{MATCHED}' of ×{scale}: run "
                f"`degrade match PHOTOS pool={as_typed(self.path)} hr=HR scale={scale}`"
            )
        return self._recipe_of(found)

    def check_matches(self) -> None:
        """Raise DegradeError where the latest match of a scale cannot be used."""
        matches = {each.photo: each for each in self.measurements if each.kind == MATCHED}
        for found in matches.values():
            self._recipe_of(found)

    def _recipe_of(self, found: MeasurementRecord) -> Recipe:
        try:
            return recipe_in(found.values)
        except (CorruptDataError, InvalidValueError) as error:
            raise self._no_match(error) from None

    def _no_match(self, error: Exception) -> DegradeError:
        return DegradeError(
            f"{printable(self.path)}: its match cannot be used: {error}; "
            "match again, or use the version of degrade that made it"
        )

    def matched_clean_up(self, scale: Scale) -> int:
        """Return by how much HR was made smaller for the latest match of a scale; of none, 1.

        Raises
        ------
        DegradeError
            The match is damaged.
        """
        found = self._contents.match(scale)
        try:
            return 1 if found is None else clean_up_in(found.values)
        except CorruptDataError as error:
            raise self._no_match(error) from None

    def kernel_made(self, settings: Mapping[str, Any], source_sha256: str) -> str | None:
        """Return the id of the kernel that was made of a source with exactly these settings."""
        wanted = canonical_json(settings)
        for kernel in self._contents.kernels.values():
            known = kernel.provenance
            if known.source_sha256 == source_sha256 and canonical_json(known.settings) == wanted:
                return kernel.id
        return None

    def has_sound(self, key: str) -> bool:
        """Tell whether a kernel or noise patch is known and its file holds what was added."""
        record = self._contents.kernels.get(key) or self._contents.noise.get(key)
        return record is not None and self._is_sound(record)

    def _is_sound(self, record: KernelRecord | NoiseRecord) -> bool:
        try:
            self._objects.check(record)
        except CorruptDataError:
            return False
        return True

    def verify(self, on_progress: Callable[[int, int], None] | None = None) -> list[str]:
        """Read and check every kernel and noise patch; return one line for each problem.

        ``on_progress`` is given how many are done, and how many there are.

        Files that the index does not name are one too: a killed run leaves those of one photo, an
        index that was cut leaves many. A pool opened as it was at an earlier time passes them over.
        """
        problems = self._foreign() if self._until is None else []
        checks: list[Callable[[], object]] = [
            functools.partial(self.read_kernel, key) for key in sorted(self._contents.kernels)
        ]
        checks += [functools.partial(self._objects.check, noise) for noise in self.noise]
        for done, check in enumerate(checks, start=1):
            try:
                check()
            except DegradeError as error:
                problems.append(str(error))
            if on_progress is not None:
                on_progress(done, len(checks))
        return problems

    def _foreign(self) -> list[str]:
        """Return a line for each thing that the index does not vouch for."""
        known = set(self._contents.file_names())
        index = self.path / "index.jsonl"
        unfinished = index.stat().st_size - self._index_end if index.exists() else 0
        problems = []
        if unfinished:
            problems.append(
                f"{printable(index)}: ends with {counted(unfinished, 'byte')} that are no whole "
                "line; harmless if a run was killed while adding it, and the next one cuts them"
            )
        for path in sorted(self.path.glob("*/*")):
            name = f"{path.parent.name}/{path.name}"
            if name in known or path.parent.name not in ("kernels", "noise"):
                continue
            if path.suffix == ".npy":
                problems.append(
                    f"{printable(path)}: not in index.jsonl; harmless if a run was killed while "
                    "adding it, else restore the index"
                )
            elif not path.name.startswith(".") and not is_temporary(path.name):
                problems.append(f"{printable(path)}: not of this pool; move it elsewhere")
        return problems


def _reopen(kind: type[PoolReader], path: Path | None, until: int | None) -> PoolReader:
    return kind.open(path, until=until)


def _find(records: Mapping[str, _T], key: str, what: str, path: Path) -> _T:
    if key not in records:
        raise InvalidValueError(f"{printable(path)} has no {what} {printable(key)}")
    return records[key]
