"""What the pool knows of each kernel, noise patch and photo, and of what was measured in it.

msgspec checks the types of what is read from a file, and refuses unknown fields. What a type cannot
say the records check themselves, so one rule holds for what is added and for what is read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

import msgspec

from degrade.arrays import Box
from degrade.disk.structs import ready
from degrade.errors import InvalidValueError
from degrade.geometry import Scale, scale_from_json
from degrade.luma import LUMA_WEIGHTS

__all__ = [
    "DEEPEST",
    "IMPORTED",
    "TOWARDS_CAMERA",
    "KernelRecord",
    "MeasurementRecord",
    "NoiseRecord",
    "PhotoRecord",
    "Provenance",
    "Record",
    "as_written",
    "canonical_json",
    "record_from_json",
    "record_to_json",
]

_ID = re.compile(r"[0-9a-f]{32}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_KIND = re.compile(r"[a-z][a-z0-9-]{0,39}")
_MIN_PATCH = 8
DEEPEST = 8
"""Lists and objects within each other that settings and values may have."""

IMPORTED = "import"
"""The method of kernels and patches that came from other tools' files, not from photos."""

TOWARDS_CAMERA = {"towards": "camera"}
"""What a kernel's settings say, besides those of the photo's own, where it was moved so."""

_WHOLE_MOST = 2**63 - 1


def canonical_json(values: Mapping[str, Any]) -> str:
    """Return the text by which settings are compared."""
    return json.dumps(values, sort_keys=True)


def _refuse(name: str, wanted: str, got: object) -> NoReturn:
    raise InvalidValueError(f"{name} must be {wanted}, got {_shown(got)}")


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        text = "a huge number"
    return text if len(text) <= 60 else f"{text[:57]}..."


def _check_whole(name: str, value: int, minimum: int) -> None:
    if not minimum <= value <= _WHOLE_MOST:
        _refuse(name, f"an integer of at least {minimum} in 64 bits", value)


def _check_form(name: str, value: str, pattern: re.Pattern[str], wanted: str) -> None:
    if pattern.fullmatch(value) is None:
        _refuse(name, wanted, value)


def _check_sha256(name: str, value: str) -> None:
    _check_form(name, value, _SHA256, "64 hex digits")


def _check_ids(name: str, values: tuple[str, ...]) -> None:
    for value in values:
        _check_form(name, value, _ID, "32 hex digits")


def _check_json(name: str, value: object, depth: int = 0) -> None:
    """Refuse what JSON cannot hold, or would not give back as it was."""
    if depth > DEEPEST:
        _refuse(name, f"nested {DEEPEST} deep at most", value)
    match value:
        case None | bool() | str():
            pass
        case int():
            _check_whole(name, abs(value), 0)
        case float():
            if not math.isfinite(value):
                _refuse(name, "finite", value)
        case list() | tuple():
            for item in value:
                _check_json(name, item, depth + 1)
        case Mapping():
            for key, item in value.items():
                if not isinstance(key, str):
                    _refuse(name, "an object with texts as keys", key)
                _check_json(f"{name}[{key!r:.60}]", item, depth + 1)
        case _:
            _refuse(name, "of JSON's types", value)


class _Checked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The base of all that an index line holds."""


# The names on disk are those of the first pools.
class Provenance(_Checked, frozen=True, rename={"values": "statistics", "flags": "notes"}):
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
    settings : mapping of str to JSON's types
        Everything that decided the result, the scale and the seed included.
    tool_version : str
    values : dict of str to float
        What the method wants to be remembered; finite numbers.
    flags : tuple of str
        What speaks against the result, such as ``too noisy``.
    """

    source_name: str
    source_sha256: str | None
    box: Box | None
    method: str
    settings: Mapping[str, Any]
    tool_version: str
    values: Mapping[str, float] = {}
    flags: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.source_sha256 is not None:
            _check_sha256("source_sha256", self.source_sha256)
        if self.box is not None and not (min(self.box[:2]) >= 0 and min(self.box[2:]) >= 1):
            _refuse("box", "(top, left, height, width)", self.box)
        _check_json("settings", self.settings)
        _check_json("values", self.values)


class KernelRecord(
    _Checked, frozen=True, tag_field="entry", tag="kernel", rename={"scale_json": "scale"}
):
    """One kernel: ``size`` taps a side at a downscaling factor, an integer or (n, d) for n/d."""

    id: str
    scale_json: int | tuple[int, int]
    size: int
    provenance: Provenance

    def __post_init__(self) -> None:
        _check_form("id", self.id, _ID, "32 hex digits")
        scale_from_json(self.scale_json)
        _check_whole("size", self.size, 3)

    @property
    def scale(self) -> Scale:
        """The downscaling factor."""
        return scale_from_json(self.scale_json)


def as_written(scale: Scale) -> int | tuple[int, int]:
    """Return a scale as records keep it."""
    return scale if isinstance(scale, int) else (scale.numerator, scale.denominator)


class NoiseRecord(_Checked, frozen=True, tag_field="entry", tag="noise"):
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
        _check_form("id", self.id, _ID, "32 hex digits")
        _check_whole("size", self.size, _MIN_PATCH)
        if not 0 <= self.variance < math.inf:
            _refuse("variance", "at least 0", self.variance)
        if not 0 <= self.brightness <= 255:
            _refuse("brightness", "in 0…255", self.brightness)
        if not all(0 <= mean <= 65535 for mean in self.means):
            _refuse("means", "three pixel levels", self.means)

    @property
    def levels(self) -> tuple[float, float, float]:
        """The means in 8-bit units: their grey level is the brightness."""
        grey = sum(weight * mean for weight, mean in zip(LUMA_WEIGHTS, self.means, strict=True))
        unit = self.brightness / grey if grey > 0 else 1.0
        red, green, blue = (mean * unit for mean in self.means)
        return red, green, blue


class PhotoRecord(_Checked, frozen=True, tag_field="entry", tag="photo"):
    """A photo that the pool was measured on.

    Attributes
    ----------
    name : str
        For people.
    sha256 : str
        Of the file's bytes: what identifies the photo.
    path : str
        Where it was, as a hint; whoever reads it checks the sha256.
    height, width : int
        Upright size in pixels.
    format : str
        Such as ``jpeg``; see :class:`degrade.images.image_header.ImageHeader`, also for the next.
    channels, bit_depth, orientation : int
        As stored.
    bytes : int
        Length of the file.
    modified : int
        When the system last changed the file (its ctime), nanoseconds since 1970. While that and
        the length are the same, the content is taken to be.
    """

    name: str
    sha256: str
    path: str
    height: int
    width: int
    format: str
    channels: int
    bit_depth: int
    orientation: int
    bytes: int
    modified: int

    def __post_init__(self) -> None:
        _check_sha256("sha256", self.sha256)
        for name in ("height", "width", "channels", "bit_depth", "orientation", "bytes"):
            _check_whole(name, getattr(self, name), 1)
        _check_whole("modified", abs(self.modified), 0)


class MeasurementRecord(_Checked, frozen=True, tag_field="entry", tag="measurement"):
    """What one measurement found in one photo, so that nobody need measure it again.

    Attributes
    ----------
    kind : str
        Such as ``kernel`` or ``noise``.
    photo : str
        The sha256 of its file.
    settings : mapping of str to JSON's types
        Everything that decides what is found.
    values : mapping of str to JSON's types
        What was found; the kind says what the names mean.
    flags : tuple of str
        What speaks against it.
    confidence : float or None
        In [0, 1]; None when the measurement knows none.
    version : str
        Of the tool that measured.
    objects : tuple of str or None
        The ids of the kernels or patches that came of it, which plans draw. None: there are none
        by nature, and plans draw from ``values``.
    """

    kind: str
    photo: str
    settings: Mapping[str, Any]
    values: Mapping[str, Any]
    flags: tuple[str, ...] = ()
    confidence: float | None = None
    version: str = ""
    objects: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_form("kind", self.kind, _KIND, "small letters, digits and '-'")
        _check_sha256("photo", self.photo)
        _check_json("settings", self.settings)
        _check_json("values", self.values)
        if self.confidence is not None and not 0 <= self.confidence <= 1:
            _refuse("confidence", "in 0…1", self.confidence)
        _check_ids("objects", self.objects or ())


Record: TypeAlias = KernelRecord | NoiseRecord | PhotoRecord | MeasurementRecord


def record_to_json(record: Record) -> dict[str, Any]:
    """Return a record as plain values, its tag among them."""
    values: dict[str, Any] = msgspec.to_builtins(record)
    return values


def record_from_json(data: object) -> Record:
    """Rebuild a record, checking every field.

    Parameters
    ----------
    data : object
        Of JSON's types.

    Raises
    ------
    msgspec.ValidationError
        ``data`` is not what :func:`record_to_json` returns; the text names the field.
    """
    record: Record = msgspec.convert(data, ready(Record))
    return record
