"""Making a fingerprint of a pool."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import fsum
from typing import Any, TypeVar

import msgspec

import degrade
from degrade.degradation.downsampling import integer_taps, without_margin
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
_KERNELS, _OTHERS = 48, 64
"""Of so many photos kernels of a scale, and other kinds, are kept where there is room."""

_T = TypeVar("_T")


def make_fingerprint(
    pool: PoolReader, *, photos: Iterable[str] | None = None, names: bool = False
) -> bytes:
    """Return a pool's fingerprint, of :data:`MOST_BYTES` at most.

    Where not all finds room, what kernels became when they were moved towards their camera's goes
    first. Then photos are kept whose kernels stand evenly among all by their width, so that their
    scatter stays: of a photo all that share its chance, as those of its regions, or the corrected
    and the estimated one of a match, so that each is drawn as often as the others, as before. And
    of each kind of measurement, photos spread over all of them. Kernels of a match that another one
    has replaced are left out. Texts that no terminal shows are escaped, and cut where no reader
    would take them.

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
    known_kernels = {record.id: record for record in kernels}
    groups = _by_chance(pool, known_kernels)
    measured = [
        record
        for record in pool.measurements
        if record.objects is None
        and record.kind in KEPT
        and (wanted is None or record.photo in wanted or record.kind == MATCHED)
    ]
    measured = list({(record.kind, record.photo): record for record in measured}.values())
    drawable = {key for group in groups for own in group for key in own}
    measured = _drawing_from(measured, drawable)
    if not kernels and not measured:
        raise InvalidValueError("there is nothing to make a fingerprint of: no kernel, no photo")
    sources = sorted(
        {record.photo for record in measured if record.kind != MATCHED}
        | {record.provenance.source_sha256 or record.id for record in kernels}
    )
    numbers = {sha: number for number, sha in enumerate(sources)}
    known = {photo.sha256: photo.name for photo in pool.photos} if names else {}
    payload = {
        "format": {"name": NAME, "version": VERSION},
        "photos": len(sources),
        "tool_version": degrade.__version__,
        "names": {str(numbers[sha]): known[sha][:LONGEST] for sha in sources if sha in known},
    }
    moved = pool.moved_kernels

    @functools.cache
    def stored(key: str) -> StoredKernel:
        return _stored_kernel(pool, known_kernels[key], numbers, moved.get(key))

    def encode(count: int, *, is_moved: bool) -> bytes:
        kept = [key for group in groups for own in _evenly(group, count) for key in own]
        told = _spread_measured(measured, max(1, round(_OTHERS * count / _KERNELS)))
        told = _with_cameras(told, measured, [known_kernels[key] for key in kept])
        of_kernels = [stored(key) if is_moved else _unmoved(stored(key)) for key in kept]
        of_photos = [_stored_measurement(each, numbers) for each in _drawing_from(told, set(kept))]
        lists = {"kernels": of_kernels, "measurements": of_photos}
        return encode_json({**payload, **msgspec.to_builtins(lists)})

    return _largest_that_fits(encode)


def _largest_that_fits(encode: Callable[..., bytes]) -> bytes:
    """Return what tells of most photos in :data:`MOST_BYTES`, moved kernels included if they fit.

    Photos' own kernels teach: what was moved leaves its room to them.
    """
    fits, too_many = 0, _KERNELS + 1
    while too_many - fits > 1:
        count = _KERNELS if too_many > _KERNELS else (fits + too_many) // 2
        is_small = len(least := encode(count, is_moved=False)) <= MOST_BYTES
        fits, too_many = (count, too_many) if is_small else (fits, count)
    if not fits:
        raise InvalidValueError(
            f"the fingerprint would have {len(least)} bytes, more than {MOST_BYTES}: "
            "choose the photos of one camera"
        )
    whole = encode(fits, is_moved=True)
    return whole if len(whole) <= MOST_BYTES else encode(fits, is_moved=False)


def _by_chance(
    pool: PoolReader, records: Mapping[str, KernelRecord]
) -> list[list[tuple[str, ...]]]:
    """Return the kernels that plans may draw, each scale's estimated and matched ones by width.

    Those that share one chance, a photo's, are together.
    """
    found = []
    for scale in sorted({record.scale for record in records.values()}):
        index = pool.index(scale, (MATCHED,))
        for groups in (index.kernels_by_photo, index.matched_by_photo):
            own = [tuple(key for key in group if key in records) for group in groups]
            widths = {group: _width(pool, group) for group in own if group}
            found.append(sorted(widths, key=lambda group: (widths[group], group)))
    return found


def _width(pool: PoolReader, group: Sequence[str]) -> float:
    """Return the mean width of kernels that share a chance."""
    widths = [fsum(kernel_sigmas(pool.read_kernel(key).weights)) for key in group]
    return round(fsum(widths) / len(widths), 6)


def _spread_measured(records: Sequence[MeasurementRecord], count: int) -> list[MeasurementRecord]:
    """Return records of so many photos of each kind; photos of which nothing was told come last."""
    kept: list[MeasurementRecord] = []
    for kind in sorted({record.kind for record in records}):
        own = sorted((r for r in records if r.kind == kind), key=lambda record: record.photo)
        kept += _evenly(own, count)
    return kept


def _with_cameras(
    kept: Sequence[MeasurementRecord],
    records: Sequence[MeasurementRecord],
    kernels: Sequence[KernelRecord],
) -> list[MeasurementRecord]:
    """Return what is kept, with the camera of each photo of which something else is kept."""
    photos = {record.photo for record in kept if record.kind != "camera"}
    photos |= {kernel.provenance.source_sha256 or "" for kernel in kernels}
    there = {record.photo for record in kept if record.kind == "camera"}
    missing = photos - there
    return [*kept, *(r for r in records if r.kind == "camera" and r.photo in missing)]


def _drawing_from(
    records: Sequence[MeasurementRecord], kernels: Collection[str]
) -> list[MeasurementRecord]:
    """Return records whose matches draw kernels that are kept; a match without any is left out."""
    left = []
    for record in records:
        drawn = [key for key in record.values.get("kernels", ()) if key in kernels]
        if record.kind != MATCHED:
            left.append(record)
        elif drawn:
            values = {**record.values, "kernels": sorted(drawn)}
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
    return tuple(without_margin(taps).ravel().tolist())


def _stored_measurement(record: MeasurementRecord, numbers: Mapping[str, int]) -> StoredMeasurement:
    return StoredMeasurement(
        photo=numbers.get(record.photo, 0),  # a match is of many
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
