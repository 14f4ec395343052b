"""Tell what a pool holds."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degrade.degradation.index import MATCHED
from degrade.errors import CorruptDataError, printable
from degrade.geometry import Scale, scale_from_json
from degrade.kernels import kernel_sigmas
from degrade.pool import DegradationPool, KernelRecord, MeasurementRecord, NoiseRecord
from degrade.pool.kernel_estimates import (
    DOUBTFUL_MEANS,
    FLAGGED_MEANS,
    confidence_text,
    is_doubtful,
    marks_of,
)
from degrade.pool.records import Record, record_to_json
from degrade.pool.region_records import REGION_VALUES, radius_curves, region_records
from degrade.wording import counted
from pipelines.measuring.collector import describe_values
from pipelines.measuring.history_words import ENLARGED, described
from pipelines.measuring.noise_statistics import noise_words
from pipelines.measuring.region_words import curve_facts, curve_values, regions_text
from pipelines.shared.reports import ProgressCallback

__all__ = ["NoiseGroup", "PoolInspection", "inspect_pool", "measured_words", "noise_groups"]


@dataclass(frozen=True, eq=False)
class PoolInspection:
    """What :func:`inspect_pool` found.

    Attributes
    ----------
    sigmas : dict of str to (float, float)
        Kernel id to the largest and smallest standard deviation in HR pixels, also of those that
        were moved towards their camera's; a damaged kernel is missing.
    problems : list of str
        Damaged kernels, and damaged noise when that was looked for.
    """

    pool: DegradationPool
    sigmas: dict[str, tuple[float, float]]
    problems: list[str]

    def lines(self) -> list[str]:
        """Return the text for people; what matters comes last."""
        pool = self.pool
        head = f"{printable(pool.path)}: {counted(len(self.kernels), 'kernel')}, "
        if pool.is_fingerprint:
            head += f"a fingerprint of {counted(len(pool.measured_photos), 'photo')}"
        else:
            head += (
                f"{counted(len(pool.noise), 'noise patch')}, "
                f"{counted(len(pool.photos), 'photo')} looked at"
            )
        lines = [f"photos ({len(pool.photos)}):"] if pool.photos else []
        for photo in sorted(pool.photos, key=lambda p: (p.name, p.sha256)):
            lines.append(
                f"  {printable(photo.name)}  sha256 {photo.sha256[:16]}  {printable(photo.path)}"
            )
        lines += [
            *_measured_lines(pool),
            *_noise_lines(pool),
            *self._kernel_lines(),
            *_region_lines(pool),
        ]
        return [*lines, *self.legend(), head]

    def _kernel_lines(self) -> list[str]:
        lines = []
        moved = self.pool.moved_kernels
        by_scale: dict[Scale, list[KernelRecord]] = defaultdict(list)
        for record in self.kernels:
            by_scale[record.scale].append(record)
        for scale, records in sorted(by_scale.items()):
            known = [record.provenance for record in records]
            marked = {
                "doubtful": sum(map(is_doubtful, known)),
                "flagged": sum(bool(provenance.flags) for provenance in known),
            }
            counts = [f"{count} {mark}" for mark, count in marked.items() if count]
            lines.append(f"kernels ×{scale} ({', '.join([str(len(records)), *counts])}):")
            for record in sorted(records, key=lambda r: (r.provenance.source_name, r.id)):
                lines.append(
                    f"  {record.id[:12]}  {record.size:3}×{record.size:<3}  "
                    f"{self._sigma_text(record.id)}  {printable(record.provenance.method)}  "
                    f"{_confidence(record)}  {_name(record)}"
                    f"{self._moved_words(moved.get(record.id))}"
                    f"{f'  ! {marks}' if (marks := self.marks(record)) else ''}"
                )
        earlier = len(self.pool.kernels) - len(self.kernels)
        if earlier:
            lines.append(f"  and {earlier} of earlier matches, which nothing draws any more")
        return lines

    def marks(self, record: KernelRecord) -> str:
        """Return what is to be said against a kernel; empty: nothing."""
        known = record.provenance
        marks = marks_of(is_doubtful(known), known.flags)
        marks += [_OF_ENLARGEMENT] if known.source_sha256 in self._enlarged else []
        return "; ".join(marks)

    @functools.cached_property
    def kernels(self) -> tuple[KernelRecord, ...]:
        """The kernels that plans may draw: all but those of earlier matches."""
        outdated = self.pool.outdated_kernels
        return tuple(record for record in self.pool.kernels if record.id not in outdated)

    @functools.cached_property
    def _enlarged(self) -> frozenset[str]:
        """The photos that were enlarged before, by their sha256."""
        return frozenset(m.photo for m in self.pool.measurements if ENLARGED in m.flags)

    def legend(self) -> list[str]:
        """Explain the marks that there are."""
        known = [record.provenance for record in self.kernels]
        known += [record.provenance for record in self.pool.noise]
        lines = [DOUBTFUL_MEANS] if any(map(is_doubtful, known)) else []
        return [*lines, FLAGGED_MEANS] if any(p.flags for p in known) else lines

    def _sigma_text(self, kernel_id: str) -> str:
        if kernel_id not in self.sigmas:
            return "damaged            "
        wide, narrow = self.sigmas[kernel_id]
        return f"sigma {narrow:5.2f}…{wide:<5.2f} px"

    def _moved_words(self, moved: MeasurementRecord | None) -> str:
        """Tell of what a kernel became when it was moved towards those of its camera."""
        if moved is None or not moved.objects:
            return ""
        known = moved.values
        return (
            f"  of its camera: {self._sigma_text(moved.objects[0]).rstrip()}, "
            f"{known['camera_share']:.0%} nearer to the mean of {known['camera_photos']:.0f} of "
            f"{printable(known['camera'])}"
        )

    def _moved_json(self, moved: MeasurementRecord | None) -> dict[str, Any] | None:
        """Return what was made of a photo's own kernel by those of its camera; None: nothing."""
        if moved is None or not moved.objects:
            return None
        known = {name: value for name, value in moved.values.items() if name != "own"}
        return {"id": moved.objects[0], **known, "sigmas": self.sigmas.get(moved.objects[0])}

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values, for programs."""
        units = _jpeg_units(self.pool)
        moved, outdated = self.pool.moved_kernels, self.pool.outdated_kernels
        return {
            "path": str(self.pool.path),
            "kernels": [
                {
                    **_as_json(kernel),
                    "sigmas": self.sigmas.get(kernel.id),
                    "doubtful": is_doubtful(kernel.provenance),
                    "flags": kernel.provenance.flags,
                    "of_camera": self._moved_json(moved.get(kernel.id)),
                    "of_earlier_match": kernel.id in outdated,
                }
                for kernel in self.pool.kernels
            ],
            "noise": [
                {**_as_json(noise), "jpeg_unit": units.get(noise.id)} for noise in self.pool.noise
            ],
            "photos": [_as_json(photo) for photo in self.pool.photos],
            "measurements": [_as_json(record) for record in self.pool.measurements],
            "width_by_radius": [
                curve_values(*key, curve) for key, curve in radius_curves(self.pool).items()
            ],
            "problems": self.problems,
        }


def _match_words(values: Mapping[str, Any]) -> str:
    hr = counted(values["hr"], "HR photo") + (", halved" if values.get("clean_up") == 2 else "")
    return (
        f"×{scale_from_json(values['scale'])}: {counted(len(values['kernels']), 'kernel')}, by "
        f"{counted(values['photos'], 'photo')} and {hr}, for "
        f"`degrade match aim={values['aim']}`; the recipe '{MATCHED}'"
    )


_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "noise-model": noise_words,
    MATCHED: _match_words,
}
"""Of kinds whose values are more than a list says."""


def _as_json(record: Record) -> dict[str, Any]:
    values = record_to_json(record)
    del values["entry"]  # the list's name says it
    return values


def _measured_lines(pool: DegradationPool) -> list[str]:
    """Tell of what was measured and is no kernel or patch: its values, photo by photo."""
    names = pool.photo_names
    by_kind: dict[str, list[MeasurementRecord]] = defaultdict(list)
    for record in pool.measurements:
        if record.objects is None:
            by_kind[record.kind].append(record)
    lines = []
    for kind, records in sorted(by_kind.items()):
        lines.append(f"{kind} ({len(records)}):")
        for record in sorted(records, key=lambda r: (names.get(r.photo, ""), r.photo)):
            name = printable(names.get(record.photo, record.photo[:16]))
            name = "the latest" if kind == MATCHED else name
            lines.append(f"  {name}  {measured_words(record)}")
    return lines


def measured_words(record: MeasurementRecord) -> str:
    """Return what was measured in one line for people."""
    words = _WORDS.get(record.kind)
    try:
        if words is not None:
            return words(record.values)
        return described(record.kind, record.values, record.flags, record.confidence)
    except (KeyError, TypeError, ValueError, AttributeError):
        # Of an earlier version, or of a fingerprint: values may be others.
        return describe_values(record.values, record.flags, record.confidence)


def _region_lines(pool: DegradationPool) -> list[str]:
    """Tell of the blur of regions: of each photo, then of each camera by radius."""
    names = pool.photo_names
    lines = sorted(
        f"  {printable(names.get(record.photo, record.photo[:16]))}  {regions_text(found)}"
        for record, found in region_records(pool)
    )
    if lines:
        lines.insert(0, f"blur by region ({counted(len(lines), 'photo')}):")
    return [*lines, *(fact.words for fact in curve_facts(radius_curves(pool), most=None))]


def _confidence(record: KernelRecord) -> str:
    confidence = record.provenance.values.get("confidence")
    return f"confidence {'   –' if confidence is None else confidence_text(confidence)}"


_OF_ENLARGEMENT = "of an enlargement, as its photo was enlarged before"


def _name(record: KernelRecord) -> str:
    """Return whose kernel it is, of a region also where, of a shared one who was left out."""
    name = printable(record.provenance.source_name)
    known = record.provenance.values
    if all(value in known for value in REGION_VALUES):
        row, column, radius = (known[value] for value in REGION_VALUES)
        return f"{name}, row {row:g}, column {column:g}, at {radius:.2f} of the half diagonal"
    left_out = int(known.get("outliers", 0))
    return f"{name} ({left_out} left out)" if left_out else name


def _jpeg_units(pool: DegradationPool) -> dict[str, tuple[int, int, int, int] | None]:
    """Return where the JPEG grid lies in each noise patch; None where that is not known."""
    return {choice.id: choice.jpeg_unit for choice in pool.index(scale=2).noise}


@dataclass(frozen=True, slots=True)
class NoiseGroup:
    """The patches of one size from one photo.

    Attributes
    ----------
    name : str
        The photo.
    size, count : int
        Pixels a side, and patches.
    variances, levels : (float, float)
        The least and the largest grey variance and mean, in 8-bit units.
    on_grid : bool
        Whether it is known where JPEG's grid lies in some of them.
    flags : tuple of str
    """

    name: str
    size: int
    count: int
    variances: tuple[float, float]
    levels: tuple[float, float]
    on_grid: bool
    flags: tuple[str, ...]


def noise_groups(pool: DegradationPool) -> list[NoiseGroup]:
    """Return the patches of a pool by photo and size, in this order."""
    units = _jpeg_units(pool)
    by_source: dict[tuple[str, int], list[NoiseRecord]] = defaultdict(list)
    for record in pool.noise:
        by_source[record.provenance.source_name, record.size].append(record)
    groups = []
    for (name, size), group in sorted(by_source.items()):
        variances = [record.variance for record in group]
        levels = [record.brightness for record in group]
        on_grid = any(units.get(record.id) for record in group)
        flags = tuple(sorted({flag for record in group for flag in record.provenance.flags}))
        groups.append(
            NoiseGroup(
                name,
                size,
                len(group),
                (min(variances), max(variances)),
                (min(levels), max(levels)),
                on_grid,
                flags,
            )
        )
    return groups


def _noise_lines(pool: DegradationPool) -> list[str]:
    lines = [f"noise ({len(pool.noise)}):"] if pool.noise else []
    for group in noise_groups(pool):
        (least, most), (dark, bright) = group.variances, group.levels
        on_grid = "  on a JPEG grid" if group.on_grid else ""
        flags = f"  ! flagged: {', '.join(group.flags)}" if group.flags else ""
        lines.append(
            f"  {group.count:5} of {group.size}×{group.size} px  variance {least:.3g}…{most:.3g}  "
            f"brightness {dark:.0f}…{bright:.0f}  {printable(group.name)}{on_grid}{flags}"
        )
    return lines


def inspect_pool(
    path: Path, *, verify: bool = False, on_progress: ProgressCallback | None = None
) -> PoolInspection:
    """Read a pool's entries and measure its kernels.

    Parameters
    ----------
    path : Path
    verify : bool
        Read the noise as well and check every file against what was added.
    on_progress : callable or None
        Told how many of these files are checked, and how many there are.

    Raises
    ------
    DegradeError
        There is no pool, or its index is damaged.
    """
    pool = DegradationPool.open(path)
    sigmas: dict[str, tuple[float, float]] = {}
    problems = []
    moved = (key for record in pool.moved_kernels.values() for key in record.objects or ())
    for key in (*(record.id for record in pool.kernels), *moved):
        try:
            sigmas[key] = kernel_sigmas(pool.read_kernel(key).weights)
        except CorruptDataError as error:
            problems.append(str(error))
    return PoolInspection(pool, sigmas, pool.verify(on_progress) if verify else problems)
