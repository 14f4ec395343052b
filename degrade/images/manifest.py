"""Manifests: lists of image files with their hashes, one JSON object a line (JSONL).

A manifest lies beside or above the images that it lists; its paths are relative to its own
folder, so folder and manifest move together. One that was edited or written on Windows or a Mac is
read too: its ends of lines, marks, backslashes and forms of Unicode.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec.structs import asdict

from degrade.disk.files import resolve_inside, write_atomically
from degrade.disk.structs import read_struct, refusal
from degrade.disk.text_files import read_text
from degrade.errors import CorruptDataError, InputError, InvalidValueError, shown
from degrade.field_names import composed

__all__ = [
    "ManifestEntry",
    "Role",
    "Split",
    "encode_manifest",
    "listed_file",
    "read_manifest",
    "write_manifest",
]

Role: TypeAlias = Literal["source", "hr", "lr"]
"""``source``: a real photo to measure blur and noise on; ``hr``: a clean high-resolution photo;
``lr``: a real low-resolution partner of an ``hr`` photo."""

Split: TypeAlias = Literal["train", "val", "test"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_EATEN = re.compile(r"[\b\f\n\r\t]")
_REMEDY = "correct that line, or make the manifest again with `degrade manifest make`"


class ManifestEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One image file of a manifest.

    Attributes
    ----------
    path : str
        Relative to the manifest's folder, with ``/`` between its parts; Windows' backslash is
        understood by :func:`listed_file`. Whether it leads outside is checked there, since links
        decide that.
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
        A value is not as described; the text names the field and says what was got. Types are
        checked where entries are read.
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
        _check("path", self.path, _is_path(self.path), "a relative path of a file")
        without_drive = _DRIVE.match(self.path) is None
        _check("path", self.path, without_drive, "relative to the manifest, without a drive")
        _check(
            "sha256", self.sha256, bool(_SHA256.fullmatch(self.sha256)), "64 lower-case hex digits"
        )
        for name in ("height", "width"):
            side = getattr(self, name)
            _check(name, side, side >= 1, "an integer of at least 1")
        for name in ("licence", "source", "group"):
            text = getattr(self, name)
            _check(name, text, text != "", "text or null")


def _check(name: str, value: object, fits: bool, wanted: str) -> None:
    if not fits:
        raise InvalidValueError(f"{name} must be {wanted}, got {shown(value)}")


def _is_path(value: str) -> bool:
    if value in ("", ".") or "\0" in value:
        return False
    try:
        os.fsencode(value)
    except UnicodeEncodeError:
        return False
    return not value.startswith("/")


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
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = _parse_entry(line)
            if entry.path in lines:
                raise InvalidValueError(f"path is that of line {lines[entry.path]} again")
        except (CorruptDataError, InvalidValueError) as error:
            raise InputError(path, f"line {number}: {error}", _REMEDY) from None
        lines[entry.path] = number
        entries.append(entry)
    return entries


def _parse_entry(line: str) -> ManifestEntry:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InvalidValueError(f"not JSON ({_what_made_it(line) or refusal(error)})") from None
    return read_struct(data, ManifestEntry, "not an entry")


def _what_made_it(line: str) -> str | None:
    """Say what a program has done to a line that was JSON once."""
    if line.lstrip().startswith('"{""'):
        return (
            "a spreadsheet has put it in quotes and doubled those within: export it as plain text"
        )
    if "\u201c" in line or "\u201d" in line:
        return "it has typographic quotes for straight ones"
    if re.search(r'(?<!\\)(\\\\)*\\(?!["\\/bfnrtu])', line):
        return "it has a single backslash: write / between folders"
    return None


def listed_file(folder: Path, path: str) -> tuple[Path, str]:
    """Return where an entry's file is, and its path as it is called there.

    Where the path as it stands leads to nothing, backslashes part folders, as on Windows, and
    names may be in another form of Unicode (composed, or apart as Macs have them).

    Parameters
    ----------
    folder : Path
        The manifest's.
    path : str

    Raises
    ------
    DegradeError
        It leads outside of the folder.
    InputError
        It leads to nothing, and looks as if JSON had eaten its backslashes.
    """
    found = resolve_inside(folder, path)
    if os.path.lexists(found):
        return found, path
    slashed = path.replace("\\", "/")
    here, parts = folder, list[str]()
    for part in slashed.split("/"):
        parts.append(part if os.path.lexists(here / part) else _as_called(here, part))
        here /= parts[-1]
    name = "/".join(parts)
    if os.path.lexists(here):
        return resolve_inside(folder, name), name
    if _EATEN.search(path):
        remedy = "write / between folders: JSON takes a backslash and what follows for one letter"
        raise InputError(folder / path, "does not exist", remedy)
    return found, path


def _as_called(folder: Path, name: str) -> str:
    """Return the one entry of a folder that has this name in another form of Unicode."""
    wanted = composed(name)
    try:
        same = [entry.name for entry in folder.iterdir() if composed(entry.name) == wanted]
    except OSError:
        return name
    return same[0] if len(same) == 1 else name


def write_manifest(path: Path, entries: Iterable[ManifestEntry]) -> None:
    """Write a manifest atomically: what :func:`encode_manifest` gives.

    Raises
    ------
    InvalidValueError
        Two entries have one path.
    DegradeError
        The file cannot be written.
    """
    write_atomically(path, encode_manifest(entries))


def encode_manifest(entries: Iterable[ManifestEntry]) -> bytes:
    """Return a manifest: sorted by path, one canonical line an entry, ASCII.

    The same entries give the same bytes. Fields that are None are left out.

    Raises
    ------
    InvalidValueError
        Two entries have one path.
    """
    by_path: dict[str, ManifestEntry] = {}
    for entry in entries:
        if entry.path in by_path:
            raise InvalidValueError(f"two entries have the path {shown(entry.path)}")
        by_path[entry.path] = entry
    ordered = sorted(by_path.values(), key=lambda entry: os.fsencode(entry.path))
    lines = [json.dumps(_known(entry), sort_keys=True) + "\n" for entry in ordered]
    return "".join(lines).encode("ascii")


def _known(entry: ManifestEntry) -> dict[str, Any]:
    return {name: value for name, value in asdict(entry).items() if value is not None}
