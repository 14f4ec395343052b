"""Making a fingerprint of a pool."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from typing import Any, TypeVar

import msgspec

import degrade
from degrade.arrays import AnyArray
from degrade.degradation.downsampling import integer_taps
from degrade.degradation.index import MATCHED
from degrade.errors import InvalidValueError, line_of
from degrade.kernels import kernel_sigmas
from degrade.places.checked_json import encode_json
from degrade.pool.fingerprint import (
    KEPT,
    LONGEST,
    LONGEST_NAME,
    NAME,
    VERSION,
    StoredKernel,
    StoredMeasurement,
    StoredMove,
)
from degrade.pool.reading import PoolReader
from degrade.pool.records import KernelRecord, MeasurementRecord
from degrade.pool.region_records import REGION_VALUES

__all__ = ["MOST_BYTES", "make_fingerprint"]

MOST_BYTES = 200_000
"""Of a fingerprint."""

_KERNEL_VALUES = ("expected_kpsnr", "confidence", *REGION_VALUES)
_SHARES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.17, 0.12, 0.08, 0.05)
_KERNELS, _OTHERS = 48, 64
"""So many kernels of a scale, and photos of another kind, are kept where there is room."""

_T = TypeVar("_T")


def make_fingerprint(
    pool: PoolReader, *, photos: Iterable[str] | None = None, names: bool = False
) -> bytes:
    """Return a pool's fingerprint, of :data:`MOST_BYTES` at most.

    Where not all finds room, what kernels became when they were moved towards their camera's goes
    first. Then kernels are kept that stand evenly among all by their width, so that their scatter
    stays; and of each kind of measurement, photos spread over all of them. Texts that no terminal
    shows are escaped, and cut where no reader would take them.

    Parameters
    ----------
    pool : PoolReader
    photos : iterable of str or None
        The sha256 of those to be told of; None: all.
    names : bool
        Keep the names of the photos' files.

    Raises
    ------
    InvalidValueError
        The pool has neither kernels nor measurements of these photos.
    """
    wanted = None if photos is None else set(photos)
    kernels = [
        record
        for record in pool.kernels
        if wanted is None or record.provenance.source_sha256 in wanted
    ]
    measured = [
        record
        for record in pool.measurements
        if record.objects is None
        and record.kind in KEPT
        and (wanted is None or record.photo in wanted)
    ]
    measured = list({(record.kind, record.photo): record for record in measured}.values())
    if not kernels and not measured:
        raise InvalidValueError("there is nothing to make a fingerprint of: no kernel, no photo")
    sources = sorted(
        {record.photo for record in measured}
        | {record.provenance.source_sha256 or record.id for record in kernels}
    )
    numbers = {sha: number for number, sha in enumerate(sources)}
    known = {photo.sha256: photo.name for photo in pool.photos} if names else {}
    moved = pool.moved_kernels
    for share in _SHARES:
        kept = _spread_kernels(pool, kernels, max(1, round(_KERNELS * share)))
        told = _spread_measured(measured, max(1, round(_OTHERS * share)))
        payload = {
            "format": {"name": NAME, "version": VERSION},
            "photos": len(sources),
            "tool_version": degrade.__version__,
            "names": {str(numbers[sha]): known[sha][:LONGEST] for sha in sources if sha in known},
            "measurements": [
                msgspec.to_builtins(_stored_measurement(record, numbers))
                for record in _drawing_from(told, kept)
            ],
        }
        stored = [_stored_kernel(pool, record, numbers, moved.get(record.id)) for record in kept]
        # Photos' own kernels teach: what was moved leaves its room to them.
        for kernels_told in (stored, [_unmoved(kernel) for kernel in stored]):
            encoded = encode_json({**payload, "kernels": msgspec.to_builtins(kernels_told)})
            if len(encoded) <= MOST_BYTES:
                return encoded
    raise InvalidValueError(
        f"the fingerprint would have {len(encoded)} bytes, more than {MOST_BYTES}: "
        "choose the photos of one camera"
    )


def _spread_kernels(
    pool: PoolReader, records: Sequence[KernelRecord], count: int
) -> list[KernelRecord]:
    """Return so many kernels of each scale, estimated and matched, evenly by their width."""
    kept: list[KernelRecord] = []
    groups = {(record.scale, record.provenance.method == MATCHED) for record in records}
    for scale, is_matched in sorted(groups):
        own = [
            record
            for record in records
            if (record.scale, record.provenance.method == MATCHED) == (scale, is_matched)
        ]
        widths = {
            record.id: round(fsum(kernel_sigmas(pool.read_kernel(record.id).weights)), 6)
            for record in own
        }
        own.sort(key=lambda record: (widths[record.id], record.id))
        kept += _evenly(own, count)
    return kept


def _spread_measured(records: Sequence[MeasurementRecord], count: int) -> list[MeasurementRecord]:
    """Return records of so many photos of each kind; photos of which nothing was told come last."""
    kept: list[MeasurementRecord] = []
    for kind in sorted({record.kind for record in records}):
        own = sorted((r for r in records if r.kind == kind), key=lambda record: record.photo)
        kept += _evenly(own, count)
    return kept


def _drawing_from(
    records: Sequence[MeasurementRecord], kernels: Sequence[KernelRecord]
) -> list[MeasurementRecord]:
    """Return records whose matches draw kernels that are kept; a match without any is left out."""
    ids = {record.id for record in kernels}
    left = []
    for record in records:
        if record.kind != MATCHED:
            left.append(record)
        elif ids & set(record.values["kernels"]):
            values = {**record.values, "kernels": sorted(ids & set(record.values["kernels"]))}
            left.append(msgspec.structs.replace(record, values=values))
    return left


def _evenly(records: Sequence[_T], count: int) -> list[_T]:
    if len(records) <= count:
        return list(records)
    return [records[(2 * number + 1) * len(records) // (2 * count)] for number in range(count)]


def _stored_kernel(
    pool: PoolReader,
    record: KernelRecord,
    numbers: Mapping[str, int],
    moved: MeasurementRecord | None,
) -> StoredKernel:
    known = record.provenance.values
    return StoredKernel(
        photo=numbers[record.provenance.source_sha256 or record.id],
        scale=record.scale_json,
        taps=_taps(pool, record.id),
        method=line_of(record.provenance.method)[:LONGEST_NAME] or "other",
        values={name: round(known[name], 4) for name in _KERNEL_VALUES if name in known},
        flags=_readable(record.provenance.flags),
        moved=None if moved is None else _stored_move(pool, moved),
    )


def _unmoved(kernel: StoredKernel) -> StoredKernel:
    return msgspec.structs.replace(kernel, moved=None)


def _stored_move(pool: PoolReader, moved: MeasurementRecord) -> StoredMove:
    """Return what was made of a kernel by those of its camera."""
    known = moved.values
    return StoredMove(
        camera=_readable((str(known["camera"]),))[0],
        share=known["camera_share"],
        photos=round(known["camera_photos"]),
        taps=_taps(pool, (moved.objects or ("",))[0]),
        expected_kpsnr=known["expected_kpsnr"],
    )


def _taps(pool: PoolReader, kernel_id: str) -> tuple[int, ...]:
    taps, _ = integer_taps(pool.read_kernel(kernel_id).weights)
    return tuple(_without_margin(taps).ravel().tolist())


def _without_margin(taps: AnyArray) -> AnyArray:
    """Cut rows and columns of zeros off, as many on all sides."""
    while len(taps) > 3 and not (taps[[0, -1]].any() or taps[:, [0, -1]].any()):
        taps = taps[1:-1, 1:-1]
    return taps


def _stored_measurement(record: MeasurementRecord, numbers: Mapping[str, int]) -> StoredMeasurement:
    return StoredMeasurement(
        photo=numbers[record.photo],
        kind=record.kind,
        values=_cut(dict(record.values)),
        flags=_readable(record.flags),
        confidence=record.confidence,
    )


def _readable(words: Sequence[str]) -> tuple[str, ...]:
    """Return words as a reader takes them: on one line, and none too long."""
    return tuple(line_of(word)[:LONGEST] for word in words)


def _cut(value: Any) -> Any:
    """Return values without the ends of texts that are too long for a reader."""
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, dict):
        return {name: _cut(inner) for name, inner in value.items()}
    return [_cut(inner) for inner in value] if isinstance(value, list | tuple) else value
