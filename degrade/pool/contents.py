"""What a pool's index tells: which kernels, noise patches and photos there are."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeGuard

from degrade.degradation import NoiseChoice, PoolIndex
from degrade.degradation.index import BY_CAMERA, CAMERA_KERNEL, MATCHED, SPECTRAL_KERNEL, Measured
from degrade.geometry import Scale, scale_to_json
from degrade.kernels.estimates import SPECTRAL
from degrade.pool.camera_groups import camera_sets
from degrade.pool.records import (
    TOWARDS_CAMERA,
    KernelRecord,
    MeasurementRecord,
    NoiseRecord,
    PhotoRecord,
    Record,
    canonical_json,
)

__all__ = ["PoolContents"]

_Key = tuple[str, str, str]
_Drawn: TypeAlias = Mapping[tuple[str, str], MeasurementRecord]

JpegUnit: TypeAlias = tuple[int, int, int, int]
_LARGEST_UNIT = 64


def _is_unit(value: object) -> TypeGuard[Sequence[int]]:
    """Tell whether four whole numbers are places and sizes, which a file may not hold."""
    if not isinstance(value, list | tuple) or len(value) != 4:
        return False
    if not all(type(number) is int for number in value):
        return False
    row, column, height, width = (int(number) for number in value)
    return 0 <= row < height <= _LARGEST_UNIT and 0 <= column < width <= _LARGEST_UNIT


def _is_moved(kernel: KernelRecord) -> bool:
    name, value = next(iter(TOWARDS_CAMERA.items()))
    return kernel.provenance.settings.get(name) == value


def _key(record: MeasurementRecord) -> _Key:
    return record.kind, canonical_json(record.settings), record.photo


@dataclass(frozen=True, slots=True)
class PoolContents:
    """The entries of a pool, by id; photos by sha256, measurements by kind, settings and photo."""

    kernels: dict[str, KernelRecord] = field(default_factory=dict)
    noise: dict[str, NoiseRecord] = field(default_factory=dict)
    photos: dict[str, PhotoRecord] = field(default_factory=dict)
    measurements: dict[_Key, MeasurementRecord] = field(default_factory=dict)

    def remember(self, records: Iterable[Record]) -> None:
        """Take in records; of a photo, and of a measurement, the latest counts."""
        for record in records:
            match record:
                case KernelRecord():
                    self.kernels[record.id] = record
                case NoiseRecord():
                    self.noise[record.id] = record
                case PhotoRecord():
                    self.photos[record.sha256] = record
                case MeasurementRecord():
                    key = _key(record)
                    self.measurements.pop(key, None)  # the latest comes last
                    self.measurements[key] = record

    def has_fact(self, record: PhotoRecord | MeasurementRecord) -> bool:
        """Tell whether the pool knows exactly this of a photo."""
        if isinstance(record, PhotoRecord):
            return self.photos.get(record.sha256) == record
        return self.measurements.get(_key(record)) == record

    def has(self, record: KernelRecord | NoiseRecord) -> bool:
        """Tell whether the pool has a thing of this content."""
        return record.id in self.kernels or record.id in self.noise

    def is_news(self, record: KernelRecord | NoiseRecord) -> bool:
        """Tell whether a photo's own kernel stayed, but something else is known of it now."""
        known = self.kernels.get(record.id)
        if known is None or not isinstance(record, KernelRecord):
            return False
        if _is_moved(known) or _is_moved(record):
            return False
        then, now = known.provenance, record.provenance
        is_its = now.source_sha256 is not None and now.source_sha256 == then.source_sha256
        is_again = is_its and now.method == then.method
        return is_again and (now.values, now.flags) != (then.values, then.flags)

    def becomes_own(self, record: KernelRecord | NoiseRecord) -> bool:
        """Tell whether what is known as a moved kernel is measured or imported as it is, too."""
        known = self.kernels.get(record.id)
        if known is None or not isinstance(record, KernelRecord):
            return False
        return _is_moved(known) and not _is_moved(record)

    def counts(self) -> tuple[int, int, int]:
        """Return the numbers of kernels, noise patches and photos."""
        return len(self.own_kernels()), len(self.noise), len(self.photos)

    def own_kernels(self) -> dict[str, KernelRecord]:
        """Return the kernels as they were measured or imported, by id."""
        return {key: kernel for key, kernel in self.kernels.items() if not _is_moved(kernel)}

    def outdated_kernels(self) -> frozenset[str]:
        """Return the kernels of earlier matches, by id: no plan draws them any more."""
        matches = (record for (kind, _), record in self.drawn().items() if kind == MATCHED)
        current = {key for match in matches for key in match.values.get("kernels", ())}
        return frozenset(
            key
            for key, kernel in self.own_kernels().items()
            if kernel.provenance.method == MATCHED and key not in current
        )

    def moved_kernels(self) -> dict[str, MeasurementRecord]:
        """Return what was made of kernels by those of their camera, by the id of a photo's own.

        Where photos of several cameras have one kernel, that of the photo it is told of counts.
        """
        moved = [
            record
            for record in self.measurements.values()
            if record.kind == CAMERA_KERNEL and record.objects and record.objects[0] in self.kernels
        ]
        # The last one counts, and does not depend on what was measured first.
        moved.sort(key=lambda each: (self._is_of_its_photo(each), *_key(each)))
        return {str(record.values.get("own")): record for record in moved}

    def _is_of_its_photo(self, moved: MeasurementRecord) -> bool:
        own = self.kernels.get(str(moved.values.get("own")))
        return own is not None and own.provenance.source_sha256 == moved.photo

    def file_names(self) -> Iterator[str]:
        """Return the names of all object files, relative to the pool."""
        yield from (f"kernels/{key}.npy" for key in self.kernels)
        yield from (f"noise/{key}.npy" for key in self.noise)

    def measured(self, kind: str, settings: Mapping[str, Any]) -> dict[str, MeasurementRecord]:
        """Return what one measurement with exactly these settings found, by the photo's sha256."""
        wanted = kind, canonical_json(settings)
        return {key[2]: record for key, record in self.measurements.items() if key[:2] == wanted}

    def drawn(self) -> dict[tuple[str, str], MeasurementRecord]:
        """Return the measurements whose values plans may draw from, by kind and photo.

        Of a photo that was measured with several settings the latest counts.
        """
        found = self.measurements.values()
        return {(record.kind, record.photo): record for record in found if record.objects is None}

    def index(self, scale: Scale, measured: Collection[str] | None = None) -> PoolIndex:
        """Return what plans at ``scale`` may draw from; see :meth:`PoolReader.index`."""
        by_kind: dict[str, list[Measured]] = defaultdict(list)
        units = self.jpeg_units() if measured is None or "jpeg" in measured else {}
        drawn = self.drawn()
        for (kind, photo), record in drawn.items():
            is_other = kind == MATCHED and record.values.get("scale") != scale_to_json(scale)
            if (measured is None or kind in measured) and not is_other:
                by_kind[kind].append(Measured(photo, record.values))
        own = {key: k.provenance for key, k in self.own_kernels().items() if k.scale == scale}
        moved = {}
        if measured is None or CAMERA_KERNEL in measured:
            moved = {
                key: record.objects[0]
                for key, record in self.moved_kernels().items()
                if key in own and record.objects
            }
        of_scale = own | {key: self.kernels[key].provenance for key in moved.values()}
        matched = {key for found in by_kind[MATCHED] for key in found.values.get("kernels", ())}
        noise = tuple(self._choice(key, units) for key in self.noise)
        cameras, sources = {}, {}
        if measured is None or BY_CAMERA in measured:
            sources = self._kernel_sources(scale, drawn)
            of_values = {one.photo_sha256 for found in by_kind.values() for one in found}
            of_noise = {choice.photo_sha256 for choice in noise}
            cameras = self._camera_sets(of_values.union(of_noise, sources.values()), drawn)
        spectral: Iterable[str] = ()
        if measured is None or SPECTRAL_KERNEL in measured:
            spectral = (key for key, made in of_scale.items() if made.method == SPECTRAL)
        return PoolIndex(
            tuple(key for key, made in own.items() if made.method != MATCHED),
            noise,
            {kind: tuple(found) for kind, found in by_kind.items() if found},
            {
                key: made.values["expected_kpsnr"]
                for key, made in of_scale.items()
                if "expected_kpsnr" in made.values
            },
            tuple(matched & set(own)),
            self._kernel_photos(scale, matched),
            moved,
            sources,
            cameras,
            frozenset(spectral),
        )

    def _kernel_sources(self, scale: Scale, drawn: _Drawn) -> dict[str, str]:
        """Return by id which photo a kernel is of, also where plans draw that kernel no more.

        Imported kernels, and those that photos share, are of none that the pool knows.
        """
        photos = {photo for kind, photo in drawn if kind != MATCHED} | self.photos.keys()
        of_scale = (kernel for kernel in self.kernels.values() if kernel.scale == scale)
        sources = ((kernel.id, kernel.provenance.source_sha256) for kernel in of_scale)
        return {key: photo for key, photo in sources if photo in photos}

    def _camera_sets(self, photos: Iterable[str], drawn: _Drawn) -> dict[str, tuple[str, ...]]:
        """Return of photos, by their sha256, which sets of their camera's photos they are in.

        What another tool wrote is among those that tell no camera.
        """
        values = {photo: m.values for (kind, photo), m in drawn.items() if kind == "camera"}
        found = {}
        for sha in sorted(photos):
            photo = self.photos.get(sha)
            sides = None if photo is None else (photo.height, photo.width)
            found[sha] = camera_sets(values.get(sha, {}), sides)
        return found

    def match(self, scale: Scale) -> MeasurementRecord | None:
        """Return the latest match of a scale; None where there is none."""
        of_scale = (
            record
            for (kind, _), record in self.drawn().items()
            if kind == MATCHED and record.values.get("scale") == scale_to_json(scale)
        )
        return next(of_scale, None)

    def _kernel_photos(self, scale: Scale, matched: Collection[str]) -> dict[str, str]:
        """Return by id which photo a kernel is of, where those of a photo share one chance.

        Kernels of regions do, with the one of the whole photo, and all of a photo in a match. Else
        each kernel has its own.
        """
        photos = {
            key: kernel.provenance.source_sha256 or key
            for key, kernel in self.kernels.items()
            if kernel.scale == scale
        }
        divided = {
            photo
            for key, photo in photos.items()
            if "radius" in self.kernels[key].provenance.values
        }
        return {key: photo for key, photo in photos.items() if photo in divided or key in matched}

    def jpeg_units(self) -> dict[str, JpegUnit]:
        """Return where the JPEG grid lies in photos of which that is known, by their sha256.

        (row, column, height, width): see :class:`degrade.jpeg.pixel_history.PixelHistory`.
        """
        found = {}
        for (kind, photo), record in self.drawn().items():
            if kind != "jpeg":
                continue
            values = record.values if "unit" in record.values else record.values.get("pixels")
            unit = values.get("unit") if isinstance(values, Mapping) else None
            if _is_unit(unit):
                found[photo] = (unit[0], unit[1], unit[2], unit[3])
        return found

    def _choice(self, key: str, units: Mapping[str, JpegUnit]) -> NoiseChoice:
        """Return what a plan may draw; a box and the photo's grid tell the grid in the patch."""
        noise = self.noise[key]
        known = noise.provenance
        photo = known.source_sha256 or ""
        if photo not in units or known.box is None:
            return NoiseChoice(key, noise.size, photo, noise.levels)
        row, column, height, width = units[photo]
        start = ((row - known.box[0]) % height, (column - known.box[1]) % width)
        return NoiseChoice(key, noise.size, photo, noise.levels, (*start, height, width))

    def digest(self, scale: Scale, measured: Collection[str] | None = None) -> str:
        """Return the sha256 of all that :meth:`index` offers; an id stands for its content."""
        index = self.index(scale, measured)
        noise = (
            f"{choice.id} {choice.photo_sha256}{choice.jpeg_unit or ''}" for choice in index.noise
        )
        expected = (f"{key} {kpsnr!r}" for key, kpsnr in sorted(index.kernel_kpsnr.items()))
        lines = [f"scale {scale}", *index.kernel_ids, "expected", *expected, "noise", *noise]
        if index.kernel_photos:
            groups = (*index.kernels_by_photo, *index.matched_by_photo)
            lines += ["regions", *map(" ".join, groups)]
        if index.moved:
            lines += ["moved", *map(" ".join, sorted(index.moved.items()))]
        if index.cameras:
            offered = {*index.kernel_ids, *index.matched_ids, *index.moved.values()}
            sources = sorted(index.kernel_sources.items())
            lines += ["by camera", *(f"{key} {sha}" for key, sha in sources if key in offered)]
            lines += (f"{sha} {'; '.join(sets)}" for sha, sets in sorted(index.cameras.items()))
        if index.spectral:
            lines += ["spectral", *sorted(index.spectral)]
        for kind, found in index.measured.items():
            lines.append(f"measured {kind}")
            lines += (f"{m.photo_sha256} {canonical_json(m.values)}" for m in found)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()
