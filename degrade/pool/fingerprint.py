"""A fingerprint: what a pool knows of a camera, in one small file without a pixel.

It is a pool that is read from a file: kernels as whole taps, and what was measured in photos. No
photo, noise patch, file name, place or hash of a file is in it; photos are numbers. Wherever a pool
is read, the file may stand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from math import isqrt
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from degrade.arrays import AnyArray
from degrade.degradation.index import MATCHED
from degrade.disk.structs import Text, Whole, read_struct
from degrade.errors import CorruptDataError, InvalidValueError, printable
from degrade.geometry import scale_from_json
from degrade.jpeg.tables import Table
from degrade.kernels import BlurKernel
from degrade.noise.statistics import NoiseStatistics
from degrade.places.checked_json import naming_file, read_json, take_format
from degrade.places.local import LocalPlace
from degrade.pool.matched import match_name, recipe_in
from degrade.pool.object_files import ObjectFiles, content_id
from degrade.pool.records import (
    KernelRecord,
    MeasurementRecord,
    NoiseRecord,
    Provenance,
    Record,
    as_written,
)

__all__ = [
    "KEPT",
    "NAME",
    "VERSION",
    "HeldKernels",
    "StoredKernel",
    "StoredMeasurement",
    "open_fingerprint",
]

_MOST_READ = 4 << 20
NAME, VERSION = "degrade-fingerprint", 1

KEPT = ("jpeg", "noise-model", "resampling", "sharpening", "levels", "camera", MATCHED)
"""Kinds of measurements that go into a fingerprint: none of them tells a place, a time or a serial
number. Others may hold what nobody means to give away."""

_LARGEST_SUM = 2**16

_Tap = Annotated[int, msgspec.Meta(ge=-(2**20), le=2**20)]


class StoredKernel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kernel: taps row by row, whose sum is a power of two."""

    photo: Whole
    # Of open length: msgspec 0.22 crashes on a union of a bounded integer and a fixed tuple.
    scale: Annotated[int, msgspec.Meta(ge=2, le=64)] | tuple[int, ...]
    taps: Annotated[tuple[_Tap, ...], msgspec.Meta(min_length=9, max_length=201**2)]
    method: Text
    values: dict[str, float] = {}
    flags: tuple[str, ...] = ()


class StoredMeasurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one measurement found in one photo."""

    photo: Whole
    kind: Text
    values: dict[str, Any]
    flags: tuple[str, ...] = ()
    confidence: float | None = None


class _Compression(msgspec.Struct, frozen=True):
    """What steps draw of a photo's compression, if it is told."""

    luma: Table | None = None
    chroma: Table | None = None
    subsampling: str | None = None
    turned: bool = False


class _JpegValues(_Compression, frozen=True):
    pixels: _Compression | None = None


class _Sharpened(msgspec.Struct, frozen=True):
    """What steps draw of a photo that was sharpened."""

    amount: float
    radius: float


class _Fingerprint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kernels: tuple[StoredKernel, ...]
    measurements: tuple[StoredMeasurement, ...]
    photos: Whole
    tool_version: Text
    names: dict[str, str] = {}


class HeldKernels(ObjectFiles):
    """Kernels in memory, in the place of a pool's files."""

    def __init__(self, path: Path, weights: Mapping[str, AnyArray]) -> None:
        super().__init__(path)
        self._weights = weights

    def path(self, record: KernelRecord | NoiseRecord) -> Path:
        """Return the fingerprint."""
        return self._pool

    def read_weights(self, record: KernelRecord) -> AnyArray:
        """Return a kernel's weights."""
        return self._weights[record.id]


def open_fingerprint(path: Path) -> tuple[list[Record], HeldKernels]:
    """Read a fingerprint as the records of a pool, and its kernels.

    Raises
    ------
    CorruptDataError
        The file is no fingerprint, is larger than any, or holds what none does: the text names the
        file and the entry.
    """
    shown = printable(path)
    if path.stat().st_size > _MOST_READ:
        raise CorruptDataError(f"{shown}: larger than any fingerprint")
    content = read_json(LocalPlace(path.parent), path.name)
    with naming_file(shown):
        take_format(content, NAME, VERSION)
        found = read_struct(content, _Fingerprint, "not a fingerprint")
        records: list[Record] = []
        held: dict[str, AnyArray] = {}
        for number, kernel in enumerate(found.kernels):
            record, weights = _kernel_record(kernel, found, f"kernels[{number}]")
            records.append(record)
            held[record.id] = weights
        for number, measured in enumerate(found.measurements):
            records.append(_measurement_record(measured, found, f"measurements[{number}]"))
    return records, HeldKernels(path, held)


def _kernel_record(
    stored: StoredKernel, found: _Fingerprint, what: str
) -> tuple[KernelRecord, AnyArray]:
    side = isqrt(len(stored.taps))
    total = sum(stored.taps)
    if side * side != len(stored.taps) or total < 1 or total & (total - 1) or total > _LARGEST_SUM:
        raise CorruptDataError(f"{what}: taps must be a square that sums to a power of two")
    _check_photo(stored.photo, found, what)
    weights = (np.array(stored.taps, np.float64) / total).astype(np.float32).reshape(side, side)
    try:
        kernel = BlurKernel(weights, scale_from_json(stored.scale))
        provenance = Provenance(
            source_name=found.names.get(str(stored.photo), f"photo {stored.photo}"),
            source_sha256=_stand_in(stored.photo),
            box=None,
            method=stored.method,
            settings={"fingerprint": stored.photo},
            tool_version=found.tool_version,
            values=stored.values,
            flags=stored.flags,
        )
        name = content_id(kernel.weights, kernel.scale)
        return KernelRecord(name, as_written(kernel.scale), side, provenance), kernel.weights
    except InvalidValueError as error:
        raise CorruptDataError(f"{what}: {error}") from None


def _measurement_record(
    stored: StoredMeasurement, found: _Fingerprint, what: str
) -> MeasurementRecord:
    _check_photo(stored.photo, found, what)
    if stored.kind not in KEPT:
        known = ", ".join(KEPT)
        raise CorruptDataError(f"{what}: kind must be one of {known}")
    # What steps draw from is checked here, where the file can be named.
    if stored.kind == "jpeg":
        read_struct(stored.values, _JpegValues, what)
    elif stored.kind == "sharpening" and stored.values.get("sharpened") is True:
        read_struct(stored.values, _Sharpened, what)
    elif stored.kind == "noise-model" and "colours" in stored.values:
        read_struct(stored.values, NoiseStatistics, what)
    try:
        if stored.kind == MATCHED:
            recipe_in(stored.values)
        return MeasurementRecord(
            kind=stored.kind,
            photo=_photo_of(stored),
            settings={},
            values=stored.values,
            flags=stored.flags,
            confidence=stored.confidence,
            version=found.tool_version,
        )
    except InvalidValueError as error:
        raise CorruptDataError(f"{what}: {error}") from None


def _check_photo(number: int, found: _Fingerprint, what: str) -> None:
    if number >= found.photos:
        raise CorruptDataError(f"{what}: photo must be below {found.photos}")


def _photo_of(stored: StoredMeasurement) -> str:
    """Return what stands for a photo's hash; for all matches of a scale that is one."""
    if stored.kind != MATCHED:
        return _stand_in(stored.photo)
    return match_name(scale_from_json(stored.values["scale"]))


def _stand_in(photo: int) -> str:
    """Return what stands for the hash of a photo's file."""
    return hashlib.sha256(f"photo {photo} of a fingerprint".encode()).hexdigest()
