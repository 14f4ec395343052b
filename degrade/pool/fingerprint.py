"""A fingerprint: what a pool knows of a camera, in one small file without a pixel.

It is a pool that is read from a file: kernels as whole taps, and what was measured in photos. No
photo, noise patch, file name, place or hash of a file is in it; photos are numbers. Wherever a pool
is read, the file may stand.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from math import isqrt
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np

from degrade.arrays import AnyArray
from degrade.degradation.index import CAMERA_KERNEL, MATCHED
from degrade.disk.structs import Whole, read_struct
from degrade.errors import CorruptDataError, InvalidValueError, printable, shown
from degrade.geometry import scale_from_json
from degrade.jpeg.tables import Table
from degrade.kernels import BlurKernel
from degrade.kernels.regions import MOST_REGIONS
from degrade.noise.statistics import NoiseStatistics
from degrade.places.checked_json import naming_file, read_json, take_format
from degrade.places.local import LocalPlace
from degrade.pool.matched import match_name, recipe_in
from degrade.pool.object_files import ObjectFiles, content_id
from degrade.pool.records import (
    DEEPEST,
    IMPORTED,
    TOWARDS_CAMERA,
    KernelRecord,
    MeasurementRecord,
    NoiseRecord,
    Provenance,
    Record,
    as_written,
)

__all__ = [
    "KEPT",
    "LONGEST",
    "LONGEST_NAME",
    "NAME",
    "VERSION",
    "HeldKernels",
    "StoredKernel",
    "StoredMeasurement",
    "StoredMove",
    "open_fingerprint",
]

_MOST_READ = 1 << 20
NAME, VERSION = "degrade-fingerprint", 1

KEPT = ("jpeg", "noise-model", "resampling", "sharpening", "levels", "camera", MATCHED)
"""Kinds of measurements that go into a fingerprint: none of them tells a place, a time or a serial
number. Others may hold what nobody means to give away."""

_LARGEST_SUM = 2**16
_STRONGEST = 16
"""What the taps of a kernel sum to without their signs, in multiples of their sum, at most."""

_OWN = 0.99
"""The correlation of a channel with itself, but for digits."""

_MOST_ENTRIES = 4096
_MOST_VALUES = 64
LONGEST, LONGEST_NAME = 1000, 100
"""Letters of a text, and of the name of a kind, a method or a value, at most."""

_Words = Annotated[str, msgspec.Meta(max_length=LONGEST)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
_Flags = Annotated[tuple[_Words, ...], msgspec.Meta(max_length=_MOST_VALUES)]
_Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
_Decibels = Annotated[float, msgspec.Meta(ge=-200, le=200)]
_Place = Annotated[float, msgspec.Meta(ge=1, le=MOST_REGIONS)]
_Number = Annotated[str, msgspec.Meta(pattern="^(0|[1-9][0-9]{0,15})$")]
_Tap = Annotated[int, msgspec.Meta(ge=-(2**20), le=2**20)]
_Taps = Annotated[tuple[_Tap, ...], msgspec.Meta(min_length=9, max_length=201**2)]


class StoredMove(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a kernel became when it was moved towards its camera's."""

    camera: _Words
    share: _Share
    photos: Annotated[int, msgspec.Meta(ge=2, le=2**31)]
    taps: _Taps
    expected_kpsnr: _Decibels


class StoredKernel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One kernel: taps row by row, whose sum is a power of two."""

    photo: Whole
    # Of open length: msgspec 0.22 crashes on a union of a bounded integer and a fixed tuple.
    scale: Annotated[int, msgspec.Meta(ge=2, le=64)] | tuple[int, ...]
    taps: _Taps
    method: _Name
    values: Annotated[dict[_Name, float], msgspec.Meta(max_length=_MOST_VALUES)] = {}
    flags: _Flags = ()
    moved: StoredMove | None = None


class StoredMeasurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one measurement found in one photo."""

    photo: Whole
    kind: _Name
    values: Annotated[dict[_Name, Any], msgspec.Meta(max_length=_MOST_VALUES)]
    flags: _Flags = ()
    confidence: float | None = None


class _KernelValues(msgspec.Struct, frozen=True):
    """What is drawn by, and drawn, of what is known of a kernel."""

    confidence: _Share | None = None
    expected_kpsnr: _Decibels | None = None
    row: _Place | None = None
    column: _Place | None = None
    radius: _Share | None = None


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
    kernels: Annotated[tuple[StoredKernel, ...], msgspec.Meta(max_length=_MOST_ENTRIES)]
    measurements: Annotated[tuple[StoredMeasurement, ...], msgspec.Meta(max_length=_MOST_ENTRIES)]
    photos: Whole
    tool_version: _Name
    names: dict[_Number, _Words] = {}


class HeldKernels(ObjectFiles):
    """Kernels in memory, in the place of a pool's files."""

    def __init__(
        self, path: Path, weights: Mapping[str, AnyArray], names: Mapping[str, str]
    ) -> None:
        super().__init__(path)
        self._weights = weights
        self.names = names
        """What photos are called, by what stands for their hashes."""

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
    where = printable(path)
    if path.stat().st_size > _MOST_READ:
        raise CorruptDataError(f"{where}: larger than any fingerprint")
    content = read_json(LocalPlace(path.parent), path.name, unique=True)
    with naming_file(where):
        take_format(content, NAME, VERSION)
        found = read_struct(content, _Fingerprint, "not a fingerprint")
        _check_words((found.tool_version,), "tool_version")
        records: list[Record] = []
        held: dict[str, AnyArray] = {}
        own: list[KernelRecord] = []
        called = _names(found)
        for number, kernel in enumerate(found.kernels):
            what = f"kernels[{number}]"
            record, weights = _kernel_record(kernel, found, called, what)
            own.append(record)
            held[record.id] = weights
            if kernel.moved is not None:
                moved, weights = _moved_record(record, kernel.moved, f"{what}.moved")
                records += [moved, _move_of(number, record, moved, kernel.moved.camera)]
                held[moved.id] = weights
        # Behind those that were moved and matched: where two are equal, a photo's own stays one.
        own.sort(key=lambda record: record.provenance.method != MATCHED)
        records += own
        for number, measured in enumerate(found.measurements):
            records.append(_measurement_record(measured, found, f"measurements[{number}]"))
    names = {_stand_in(photo): name for photo, name in called.items()}
    return records, HeldKernels(path, held, names)


def _kernel_record(
    stored: StoredKernel, found: _Fingerprint, called: Mapping[int, str], what: str
) -> tuple[KernelRecord, AnyArray]:
    _check_words((stored.method, *stored.flags), what)
    read_struct(stored.values, _KernelValues, f"{what}.values")
    _check_photo(stored.photo, found, what)
    provenance = Provenance(
        source_name=called[stored.photo],
        source_sha256=_stand_in(stored.photo),
        box=None,
        method=stored.method,
        settings={"fingerprint": stored.photo},
        tool_version=found.tool_version,
        values=stored.values,
        flags=stored.flags,
    )
    return _checked_kernel(stored.taps, stored.scale, provenance, what)


def _moved_record(
    own: KernelRecord, stored: StoredMove, what: str
) -> tuple[KernelRecord, AnyArray]:
    """Return what a kernel became; but for its figures, what is known of that is known of it."""
    _check_words((stored.camera,), what)
    known = own.provenance
    values = {
        **{name: known.values[name] for name in ("confidence",) if name in known.values},
        "expected_kpsnr": stored.expected_kpsnr,
        "camera_share": stored.share,
        "camera_photos": float(stored.photos),
    }
    settings = {**known.settings, **TOWARDS_CAMERA}
    provenance = msgspec.structs.replace(known, settings=settings, values=values)
    return _checked_kernel(stored.taps, own.scale_json, provenance, what)


def _move_of(number: int, own: KernelRecord, moved: KernelRecord, camera: str) -> MeasurementRecord:
    """Return the record that names what a kernel became."""
    known = moved.provenance
    figures = {name: value for name, value in known.values.items() if name != "confidence"}
    return MeasurementRecord(
        kind=CAMERA_KERNEL,
        photo=known.source_sha256 or "",
        settings={"fingerprint": number, **TOWARDS_CAMERA},
        values={"own": own.id, "camera": camera, **figures},
        flags=known.flags,
        confidence=known.values.get("confidence"),
        version=known.tool_version,
        objects=(moved.id,),
    )


def _checked_kernel(
    taps: tuple[int, ...], scale: object, provenance: Provenance, what: str
) -> tuple[KernelRecord, AnyArray]:
    side = isqrt(len(taps))
    total = sum(taps)
    if side * side != len(taps) or total < 1 or total & (total - 1) or total > _LARGEST_SUM:
        raise CorruptDataError(f"{what}: taps must be a square that sums to a power of two")
    if sum(map(abs, taps)) > _STRONGEST * total:
        raise CorruptDataError(
            f"{what}: taps must sum to at most {_STRONGEST} times their sum without their signs"
        )
    weights = (np.array(taps, np.float64) / total).astype(np.float32).reshape(side, side)
    try:
        kernel = BlurKernel(weights, scale_from_json(scale))
        name = content_id(kernel.weights, kernel.scale)
        return KernelRecord(name, as_written(kernel.scale), side, provenance), kernel.weights
    except InvalidValueError as error:
        raise CorruptDataError(f"{what}: {error}") from None


def _measurement_record(
    stored: StoredMeasurement, found: _Fingerprint, what: str
) -> MeasurementRecord:
    _check_photo(stored.photo, found, what)
    _check_words(stored.flags, what)
    _check_texts(stored.values, f"{what}.values")
    if stored.kind not in KEPT:
        known = ", ".join(KEPT)
        raise CorruptDataError(f"{what}: kind must be one of {known}")
    # What steps draw from is checked here, where the file can be named.
    if stored.kind == "jpeg":
        read_struct(stored.values, _JpegValues, what)
    elif stored.kind == "sharpening" and stored.values.get("sharpened") is True:
        read_struct(stored.values, _Sharpened, what)
    elif stored.kind == "noise-model" and "colours" in stored.values:
        noise = read_struct(stored.values, NoiseStatistics, what)
        own = [lags[0] for lags in noise.grain[:3]]
        if min(own) < _OWN:
            raise CorruptDataError(f"{what}: grain: what a channel has in common with itself is 1")
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


def _check_words(words: Iterable[str], what: str) -> None:
    """Refuse words, which only this program writes, that have control characters."""
    for word in words:
        if not word.isprintable():
            raise CorruptDataError(f"{what}: {shown(word)} has characters that no terminal shows")


def _check_texts(value: object, what: str, depth: int = 0) -> None:
    """Refuse texts that nobody would read, and what is nested too deep to look into."""
    if depth > DEEPEST:
        raise CorruptDataError(f"{what}: must be nested {DEEPEST} deep at most")
    if isinstance(value, str) and len(value) > LONGEST:
        raise CorruptDataError(f"{what}: texts must have at most {LONGEST} letters")
    if isinstance(value, dict):
        for name, inner in value.items():
            _check_texts(name, what)
            _check_texts(inner, what, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_texts(inner, what, depth + 1)


def _check_photo(number: int, found: _Fingerprint, what: str) -> None:
    if number >= found.photos:
        raise CorruptDataError(f"{what}: photo must be below {found.photos}")


def _photo_of(stored: StoredMeasurement) -> str:
    """Return what stands for a photo's hash; for all matches of a scale that is one."""
    if stored.kind != MATCHED:
        return _stand_in(stored.photo)
    return match_name(scale_from_json(stored.values["scale"]))


def _names(found: _Fingerprint) -> dict[int, str]:
    """Return what each photo that is told of is called.

    That is its name, or its number, with as many digits as all have: they sort so. The imported
    kernel of no photo, which has such a number, too, is called a kernel.
    """
    digits = len(str(max(found.photos - 1, 0)))
    measured = {each.photo for each in found.measurements if each.kind != MATCHED}
    of_none = {each.photo for each in found.kernels if each.method == IMPORTED} - measured
    return {
        photo: found.names.get(
            str(photo), f"{'kernel' if photo in of_none else 'photo'} {photo:0{digits}}"
        )
        for photo in {each.photo for each in found.kernels} | measured
    }


def _stand_in(photo: int) -> str:
    """Return what stands for the hash of a photo's file."""
    return hashlib.sha256(f"photo {photo} of a fingerprint".encode()).hexdigest()
