"""Manifests: lists of image files with their hashes, one JSON object a line (JSONL).

A manifest lies beside or above the images that it lists; its paths are relative to its own
folder, so folder and manifest move together.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from degrade.disk.files import read_file, write_atomically
from degrade.errors import InputError, InvalidValueError, printable, shown

__all__ = [
    "DatasetDescription",
    "Fact",
    "ManifestEntry",
    "Role",
    "Split",
    "read_dataset",
    "read_manifest",
    "write_manifest",
]

Role: TypeAlias = Literal["source", "hr", "lr"]
"""``source``: a real photo to measure blur and noise on; ``hr``: a clean high-resolution photo;
``lr``: a real low-resolution partner of an ``hr`` photo."""

Split: TypeAlias = Literal["train", "val", "test"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REMEDY = "correct that line, or make the manifest again with `degrade manifest make`"


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """One image file of a manifest.

    Attributes
    ----------
    path : str
        Relative to the manifest's folder, with ``/`` between its parts. Whether it leads outside
        is checked where it is used, since links decide that.
    sha256 : str
        Of the file's bytes, 64 lower-case hex digits.
    height, width : int
        Upright size in pixels, after the EXIF orientation.
    role : {"source", "hr", "lr"}
    split : {"train", "val", "test"} or None
    licence : str or None
        An SPDX identifier or the name of the terms.
    source : str or None
        Where it comes from: a data set, a camera, an address.
    group : str or None
        Files of one group show the same photo and always share a split.

    Raises
    ------
    InvalidValueError
        A field is not as described; the text names it and says what was got.
    """

    path: str
    sha256: str
    height: int
    width: int
    role: Role
    split: Split | None = None
    licence: str | None = None
    source: str | None = None
    group: str | None = None

    def __post_init__(self) -> None:
        _check("path", self.path, _is_path, "a relative path of a file")
        _check("sha256", self.sha256, _is_sha256, "64 lower-case hex digits")
        _check("height", self.height, _is_side, "an integer of at least 1")
        _check("width", self.width, _is_side, "an integer of at least 1")
        _check("role", self.role, lambda v: v in get_args(Role), "source, hr or lr")
        _check(
            "split", self.split, lambda v: v is None or v in get_args(Split), "train, val or test"
        )
        for name in ("licence", "source", "group"):
            _check(name, getattr(self, name), lambda v: v is None or _is_text(v), "text or null")


_FIELDS = tuple(field.name for field in fields(ManifestEntry))
_REQUIRED = ("path", "sha256", "height", "width", "role")


def _check(name: str, value: Any, fits: Callable[[Any], bool], wanted: str) -> None:
    try:
        if fits(value):
            return
    except TypeError:  # an unhashable or otherwise foreign value: not what is wanted either
        pass
    raise InvalidValueError(f"{name} must be {wanted}, got {shown(value)}")


def _is_path(value: Any) -> bool:
    if not isinstance(value, str) or value in ("", ".") or "\0" in value:
        return False
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return not value.startswith("/")


def _is_sha256(value: Any) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _is_side(value: Any) -> bool:
    return type(value) is int and value >= 1


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def read_manifest(path: Path) -> list[ManifestEntry]:
    """Read a manifest; blank lines are passed over, everything else must be right.

    Returns
    -------
    list of ManifestEntry
        In the order of the file.

    Raises
    ------
    InputError
        The file cannot be read, or a line is not an entry; the text names file and line.
    """
    entries: list[ManifestEntry] = []
    lines: dict[str, int] = {}
    for number, line in enumerate(read_file(path).split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = _parse_entry(line)
            if entry.path in lines:
                raise InvalidValueError(f"path is that of line {lines[entry.path]} again")
        except InvalidValueError as error:
            raise InputError(path, f"line {number}: {error}", _REMEDY) from None
        lines[entry.path] = number
        entries.append(entry)
    return entries


def _parse_entry(line: bytes) -> ManifestEntry:
    try:
        data = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"not JSON ({printable(str(error))})") from None
    if not isinstance(data, dict):
        raise InvalidValueError(f"must be a JSON object, got {shown(data)}")
    for problem, names in (
        ("lacks", [name for name in _REQUIRED if name not in data]),
        ("has unknown", [name for name in data if name not in _FIELDS]),
    ):
        if names:
            raise InvalidValueError(f"{problem} {', '.join(map(shown, sorted(names)))}")
    return ManifestEntry(**data)


def write_manifest(path: Path, entries: Iterable[ManifestEntry]) -> None:
    """Write a manifest atomically: sorted by path, one canonical line an entry, ASCII.

    The same entries give the same bytes. Fields that are None are left out.

    Raises
    ------
    InvalidValueError
        Two entries have one path.
    DegradeError
        The file cannot be written.
    """
    by_path: dict[str, ManifestEntry] = {}
    for entry in entries:
        if entry.path in by_path:
            raise InvalidValueError(f"two entries have the path {shown(entry.path)}")
        by_path[entry.path] = entry
    ordered = sorted(by_path.values(), key=lambda entry: os.fsencode(entry.path))
    lines = [
        json.dumps({k: v for k, v in asdict(entry).items() if v is not None}, sort_keys=True) + "\n"
        for entry in ordered
    ]
    write_atomically(path, "".join(lines).encode("ascii"))


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement about a data set: what is said, whether we checked it, and what it rests on."""

    value: str
    verified: bool
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDescription:
    """What ``data_manifests/NAME.json`` says of one of the field's data sets.

    Attributes
    ----------
    name, title : str
        The file's stem; the name for people.
    role : {"source", "hr", "lr"}
        What its photos are mainly used for.
    homepage, citation : str
        Where its authors offer it, and their paper.
    licence, resolution, file_naming : Fact
    splits : dict of {"train", "val", "test"} to Fact
    notes : tuple of str
    """

    name: str
    title: str
    role: Role
    homepage: str
    citation: str
    licence: Fact
    resolution: Fact
    file_naming: Fact
    splits: dict[Split, Fact]
    notes: tuple[str, ...]


def read_dataset(path: Path) -> DatasetDescription:
    """Read the description of a data set.

    Raises
    ------
    InputError
        The file cannot be read, or a field is missing, unknown or not as described.
    """
    try:
        data = json.loads(read_file(path).decode("utf-8"))
        for name in ("name", "title", "homepage", "citation"):
            _check(name, data[name], _is_text, "text")
        _check("name", data["name"], lambda v: v == path.stem, f"the file's name, {path.stem}")
        _check("role", data["role"], lambda v: v in get_args(Role), "source, hr or lr")
        _check("splits", data["splits"], lambda v: v and set(v) <= set(get_args(Split)), "splits")
        _check("notes", data["notes"], lambda v: all(map(_is_text, v)), "a list of texts")
        for name in ("licence", "resolution", "file_naming"):
            data[name] = _fact(name, data[name])
        data["splits"] = {name: _fact(name, fact) for name, fact in data["splits"].items()}
        return DatasetDescription(**{**data, "notes": tuple(data["notes"])})
    except KeyError as error:
        raise InputError(path, f"lacks the field {error}") from None
    except (TypeError, AttributeError, ValueError, RecursionError) as error:
        raise InputError(path, f"is not the description of a data set ({error})") from None


def _fact(name: str, data: Any) -> Fact:
    fact = Fact(**data)
    _check(f"{name}: value", fact.value, _is_text, "text")
    _check(f"{name}: basis", fact.basis, _is_text, "text")
    _check(f"{name}: verified", fact.verified, lambda v: isinstance(v, bool), "true or false")
    return fact
