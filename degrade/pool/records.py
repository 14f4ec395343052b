"""What the pool knows of each kernel, noise patch and source photo, and of each search for noise.

Records check themselves, so one rule holds for what is added and for what is read from a file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn, TypeAlias

from degrade.arrays import Box
from degrade.errors import InvalidValueError

__all__ = [
    "KernelRecord",
    "NoiseRecord",
    "Provenance",
    "Record",
    "SearchRecord",
    "SourceRecord",
    "record_from_json",
    "record_to_json",
]

_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MIN_PATCH = 8


def _refuse(name: str, wanted: str, got: object) -> NoReturn:
    raise InvalidValueError(f"{name} must be {wanted}, got {_shown(got)}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        _refuse(name, "text", value)


def _check_whole(name: str, value: object, minimum: int) -> None:
    if type(value) is not int or value < minimum:
        _refuse(name, f"an integer of at least {minimum}", value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and type(value) is not bool and math.isfinite(value)


def _check_hash(name: str, value: object, pattern: re.Pattern[str], wanted: str) -> None:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        _refuse(name, wanted, value)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a kernel or a noise patch came from and how it was measured.

    Attributes
    ----------
    source_name : str
        The photo or file, for people.
    source_sha256 : str or None
        Of that file; None when it is not known.
    box : (top, left, height, width) or None
        The part of the photo; None: all of it.
    method : str
        Such as ``kernelgan``, ``variance`` or ``import``.
    settings : str
        Canonical JSON of everything that decided the result, the scale and the seed included.
    tool_version : str
    statistics : dict of str to float
        What the method wants to be remembered; finite numbers.
    notes : tuple of str
        What speaks against the result, such as ``too noisy``.
    """

    source_name: str
    source_sha256: str | None
    box: Box | None
    method: str
    settings: str
    tool_version: str
    statistics: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_text("source_name", self.source_name)
        if self.source_sha256 is not None:
            _check_hash("source_sha256", self.source_sha256, _SHA256, "64 hex digits")
        if self.box is not None and not _is_box(self.box):
            _refuse("box", "(top, left, height, width)", self.box)
        _check_text("method", self.method)
        _check_text("settings", self.settings)
        _check_text("tool_version", self.tool_version)
        for name, value in self.statistics.items():
            if not _is_number(value):
                _refuse(f"statistics[{name!r}]", "a finite number", value)
        if not isinstance(self.notes, tuple) or not all(isinstance(n, str) for n in self.notes):
            _refuse("notes", "a tuple of texts", self.notes)


def _is_box(box: object) -> bool:
    return (
        isinstance(box, tuple)
        and list(map(type, box)) == [int] * 4
        and min(box[:2]) >= 0
        and min(box[2:]) >= 1
    )


@dataclass(frozen=True, slots=True)
class KernelRecord:
    """One kernel: ``size`` taps a side at downscaling factor ``scale``."""

    id: str
    scale: int
    size: int
    provenance: Provenance

    def __post_init__(self) -> None:
        _check_hash("id", self.id, _ID, "32 hex digits")
        _check_whole("scale", self.scale, 2)
        _check_whole("size", self.size, 3)


@dataclass(frozen=True, slots=True)
class NoiseRecord:
    """One noise patch of ``size`` pixels a side.

    Attributes
    ----------
    variance, brightness : float
        Grey variance and mean in 8-bit units.
    means : (float, float, float)
        Per channel, in the units of the stored pixels; the residual is the pixels minus these.
    """

    id: str
    size: int
    variance: float
    brightness: float
    means: tuple[float, float, float]
    provenance: Provenance

    def __post_init__(self) -> None:
        _check_hash("id", self.id, _ID, "32 hex digits")
        _check_whole("size", self.size, _MIN_PATCH)
        if not _is_number(self.variance) or self.variance < 0:
            _refuse("variance", "at least 0", self.variance)
        if not _is_number(self.brightness) or not 0 <= self.brightness <= 255:
            _refuse("brightness", "in 0…255", self.brightness)
        if not _is_means(self.means):
            _refuse("means", "three pixel levels", self.means)


def _is_means(means: object) -> bool:
    return (
        isinstance(means, tuple)
        and len(means) == 3
        and all(map(_is_number, means))
        and 0 <= min(means) <= max(means) <= 65535
    )


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A photo that the pool was measured on.

    Attributes
    ----------
    name : str
        For people.
    sha256 : str
        Of the file's bytes: what identifies the photo.
    path : str
        Where it was, as a hint; whoever reads it checks the sha256.
    """

    name: str
    sha256: str
    path: str

    def __post_init__(self) -> None:
        _check_text("name", self.name)
        _check_hash("sha256", self.sha256, _SHA256, "64 hex digits")
        _check_text("path", self.path)


@dataclass(frozen=True, slots=True)
class SearchRecord:
    """A search through a photo, so that nobody need do it again.

    Attributes
    ----------
    sha256 : str
        Of the photo.
    settings : str
        Canonical JSON of everything that decides what is found.
    findings : str
        What came of it, in the words of whoever searched.
    """

    sha256: str
    settings: str
    findings: str

    def __post_init__(self) -> None:
        _check_hash("sha256", self.sha256, _SHA256, "64 hex digits")
        _check_text("settings", self.settings)
        _check_text("findings", self.findings)


Record: TypeAlias = KernelRecord | NoiseRecord | SourceRecord | SearchRecord

_KINDS: dict[str, type[Record]] = {
    "kernel": KernelRecord,
    "noise": NoiseRecord,
    "source": SourceRecord,
    "search": SearchRecord,
}


def record_to_json(record: Record) -> dict[str, Any]:
    """Return a record as plain values, its kind among them."""
    kind = next(name for name, cls in _KINDS.items() if isinstance(record, cls))
    values = {"kind": kind, **asdict(record)}
    if "provenance" in values and not values["provenance"]["notes"]:
        del values["provenance"]["notes"]  # as pools were before there were any
    return values


def record_from_json(data: Any) -> Record:
    """Rebuild a record, checking every field.

    Raises
    ------
    ValueError, TypeError, KeyError, AttributeError
        ``data`` is not what :func:`record_to_json` returns.
    """
    values = dict(data)
    cls = _KINDS[values.pop("kind")]
    if "provenance" in values:
        provenance = dict(values["provenance"])
        if provenance["box"] is not None:
            provenance["box"] = tuple(provenance["box"])
        if isinstance(provenance.get("notes"), list):
            provenance["notes"] = tuple(provenance["notes"])
        values["provenance"] = Provenance(**provenance)
    if "means" in values:
        values["means"] = tuple(values["means"])
    return cls(**values)
