"""Making, checking and splitting manifests: lists of image files with their hashes.

A split keeps every photo on one side. Two files show the same photo when their bytes are the
same, or when they have the same group: the manifest's ``group`` field where it is given, else the
file's name without folder, ending and the marks of derived files (:func:`photo_group`). Copies
that were edited or saved again under another name are not recognised: give those a ``group``.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import get_args

from msgspec.structs import replace

from degrade.disk.files import read_file
from degrade.disk.results import Results
from degrade.errors import DegradeError, InputError, InvalidValueError, printable
from degrade.field_names import composed, parse_name
from degrade.images.image_io import MAX_PIXELS, read_photo_header
from degrade.images.manifest import (
    ManifestEntry,
    Role,
    Split,
    encode_manifest,
    listed_file,
    read_manifest,
    write_manifest,
)
from degrade.images.sources import MANIFEST_SUFFIX, Reject, find_images
from degrade.rng import seed_for
from degrade.wording import counted
from pipelines.shared.finding_photos import scan_photos
from pipelines.shared.job import Job
from pipelines.shared.photo_scan import ScannedPhoto
from pipelines.shared.reports import ProgressCallback, RunReport, usual_reason

__all__ = [
    "MakeManifestConfig",
    "check_manifest",
    "make_manifest",
    "photo_group",
    "split_manifest",
]

_SPLITS: tuple[Split, ...] = get_args(Split)

_DERIVED = re.compile(
    r"[_-](?:s|crop|patch|tile)\d+$"  # crops: 0001_s012
    r"|[_-](?:hr|lr|gt|lq)\d*$"  # sides of a pair: a_LR12
    r"|(?:[_-]|(?<=\d))x[12348][a-z]?$",  # downscaled partners: panasonic_43_x1
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeManifestConfig:
    """What :func:`make_manifest` lists, and what it states of every file.

    Attributes
    ----------
    sources : tuple of Path
        Files, folders, manifests; all at or below the folder of ``out``.
    out : Path
        The manifest, ending in ``.jsonl``.
    role : {"source", "hr", "lr"}
    licence, source : str or None
        See :class:`degrade.images.manifest.ManifestEntry`.
    overwrite : bool
        Replace a file that is there, also a manifest into which something was entered by hand.
    max_pixels : int
        Larger images are rejected.
    """

    sources: tuple[Path, ...]
    out: Path
    role: Role = "source"
    licence: str | None = None
    source: str | None = None
    overwrite: bool = False
    max_pixels: int = MAX_PIXELS

    def __post_init__(self) -> None:
        if self.out.suffix.lower() != MANIFEST_SUFFIX:
            raise InvalidValueError(
                f"a manifest's name must end in {MANIFEST_SUFFIX}, got {printable(self.out)}"
            )


def make_manifest(
    config: MakeManifestConfig, *, on_progress: ProgressCallback | None = None
) -> RunReport:
    """Hash every image and read its header, and write the list.

    Raises
    ------
    DegradeError
        A file of that name is there that this did not make, or that was changed since; it cannot
        be written; or no image can be listed.
    """
    job = Job("manifest make", "file", on_progress)
    results = Results.at(config.out, "manifest make", overwrite=config.overwrite)
    files, job.rejects = find_images(config.sources)
    job.tell_passed_over(config.sources)
    entries: dict[str, ManifestEntry] = {}
    for number, file in enumerate(files, start=1):
        photos, unreadable = scan_photos([file], max_pixels=config.max_pixels)
        job.rejects += unreadable
        try:
            entries.update((entry.path, entry) for entry in (_entry(p, config) for p in photos))
        except InputError as error:
            job.rejects.append(Reject.from_error(error))
        job.progress(number, len(files))
    if not entries:
        reason = f": {usual_reason(job.rejects)}" if job.rejects else ""
        raise DegradeError(f"no image to list, {len(job.rejects)} rejected{reason}")
    results.write(config.out, encode_manifest(entries.values()))
    copies = len(entries) - len({entry.sha256 for entry in entries.values()})
    job.found("written", f"written to {printable(config.out)}", path=str(config.out))
    if copies:
        words = f"with the very content of another: {counted(copies, 'file')}"
        job.found("copies", words, files=copies)
    return job.report(len(entries))


def _entry(photo: ScannedPhoto, config: MakeManifestConfig) -> ManifestEntry:
    root = config.out.parent.resolve()
    try:
        path = photo.path.resolve().relative_to(root)
    except ValueError:
        raise InputError(
            photo.path,
            f"lies outside the manifest's folder {printable(root)}",
            "put the manifest beside or above the images",
        ) from None
    return ManifestEntry(
        path=path.as_posix(),
        sha256=photo.sha256,
        height=photo.height,
        width=photo.width,
        role=config.role,
        licence=config.licence,
        source=config.source,
    )


def check_manifest(
    manifest: Path, *, max_pixels: int = MAX_PIXELS, on_progress: ProgressCallback | None = None
) -> RunReport:
    """Check every file of a manifest, and that no photo is in two splits.

    Returns
    -------
    RunReport
        With a reject for each file that is missing, unreadable, outside the manifest's folder,
        changed, or of another size, and for each photo in two splits.

    Raises
    ------
    InputError
        The manifest itself cannot be read.
    """
    job = Job("manifest check", "file", on_progress)
    entries = read_manifest(manifest)
    for number, entry in enumerate(entries, start=1):
        try:
            _check_file(manifest.parent, entry, max_pixels)
        except InputError as error:
            job.rejects.append(Reject.from_error(error))
        job.progress(number, len(entries))
    sound = len(entries) - len(job.rejects)
    job.rejects += _photos_in_two_splits(manifest.parent, entries)
    return job.report(sound)


def _check_file(folder: Path, entry: ManifestEntry, max_pixels: int) -> None:
    path = folder / entry.path
    try:
        data = read_file(listed_file(folder, entry.path)[0])
    except InputError as error:
        raise InputError(path, error.reason, error.remedy) from None
    except DegradeError:
        raise InputError(path, "leads outside the manifest's folder") from None
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise InputError(
            path,
            "its content is not what the manifest states (sha256 differs)",
            "restore the file, or make the manifest again",
        )
    size = read_photo_header(data, path, max_pixels=max_pixels).upright_size
    if size != (entry.height, entry.width):
        stated = f"{entry.width}×{entry.height}"
        raise InputError(
            path,
            f"is {size[1]}×{size[0]} pixels, not {stated} as the manifest states",
            "make the manifest again",
        )


def _photos_in_two_splits(folder: Path, entries: Sequence[ManifestEntry]) -> list[Reject]:
    rejects = []
    first: dict[str, ManifestEntry] = {}
    for entry, group in zip(entries, _join_groups(entries), strict=True):
        if entry.split is None:
            continue
        other = first.setdefault(group, entry)
        if other.split != entry.split:
            reason = f"in split {entry.split}, but the same photo is in split {other.split}: "
            remedy = "split the manifest again, or give both a group of their own"
            path = str(folder / entry.path)
            rejects.append(Reject(path, reason + printable(other.path), remedy))
    return rejects


def photo_group(entry: ManifestEntry) -> str:
    """Return what files of one photo have in common.

    The entry's ``group``, or else its file name in small letters without folder, ending, the marks
    of crops (``_s001``, ``_crop2``, …) at its end, and what
    :func:`degrade.field_names.parse_name` takes off: so both images of a pair have the same. Names
    that only happen to agree join two photos, which puts both on one side: never a leak.
    """
    if entry.group is not None:
        return f"group:{entry.group}"
    path = entry.path.replace("\\", "/")
    stem, folder = composed(PurePosixPath(path).stem), parse_name(path).folder
    if folder and not parse_name(path).stem:  # scene/HR.png: the folder names the photo
        return f"name:{folder.casefold()}/"
    while (shorter := _DERIVED.sub("", parse_name(f"{stem}.any").stem or stem)) not in ("", stem):
        stem = shorter
    return f"name:{stem.casefold()}"


def _join_groups(entries: Sequence[ManifestEntry]) -> list[str]:
    """Return each entry's group, groups with a file of the same content joined into one."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]
            node = above
        return node

    for entry in entries:
        # The smaller name leads, so that the outcome does not depend on the order of the file;
        # "sha256:" comes after "group:" and "name:" and never leads.
        ends = sorted((root(photo_group(entry)), root(f"sha256:{entry.sha256}")))
        parent[ends[1]] = ends[0]
    return [root(photo_group(entry)) for entry in entries]


def split_manifest(
    manifest: Path, fractions: Mapping[Split, float], *, seed: int = 0, overwrite: bool = False
) -> RunReport:
    """Give every entry a split by its photo, and write one manifest a split beside it.

    The side of a photo depends on its group and the seed alone, so photos that are added later
    move no other (unless they join two groups). ``photos.jsonl`` gets the splits, and
    ``photos.train.jsonl`` and so on hold the entries of each.

    Parameters
    ----------
    manifest : Path
    fractions : mapping of {"train", "val", "test"} to float
        Shares of the photos, 0…1, which sum to 1. They are met on average, as by a lottery.
    seed : int
        At least 0; another one gives another split.
    overwrite : bool
        Replace the manifests of the splits whoever made them.

    Raises
    ------
    InvalidValueError
        The fractions are not as described.
    DegradeError
        The manifest cannot be read or written, or a split's would replace what this did not make.
    """
    job = Job("manifest split", "file")
    _check_fractions(fractions)
    if manifest.is_symlink():
        raise DegradeError(f"{printable(manifest)} is a link; give the manifest that it leads to")
    results = Results(manifest.parent, "manifest split", overwrite=overwrite)
    parts = {s: manifest.with_name(f"{manifest.stem}.{s}{manifest.suffix}") for s in _SPLITS}
    entries = read_manifest(manifest)
    groups = _join_groups(entries)
    placed = [
        replace(entry, split=_split_of(group, fractions, seed))
        for entry, group in zip(entries, groups, strict=True)
    ]
    members = {split: [e for e in placed if e.split == split] for split in _SPLITS}
    # An older part that is now empty must not keep photos that have moved to another split.
    written = [s for s, part in parts.items() if members[s] or os.path.lexists(part)]
    results.require_free(parts[split] for split in written)
    write_manifest(manifest, placed)
    photos = Counter(dict(zip(groups, (entry.split for entry in placed), strict=True)).values())
    for split in _SPLITS:
        if split in written:
            results.write(parts[split], encode_manifest(members[split]))
        if fractions.get(split):
            count = len(members[split])
            found = f"{counted(photos[split], 'photo')}, {counted(count, 'file')}"
            values = {"split": split, "photos": photos[split], "files": count}
            job.found("split", f"{split}: {found}", **values)
    return job.report(len(placed))


def _check_fractions(fractions: Mapping[Split, float]) -> None:
    shown = ", ".join(f"{name} {share:g}" for name, share in fractions.items())
    if unknown := set(fractions) - set(_SPLITS):
        raise InvalidValueError(f"splits are train, val and test, got {sorted(unknown)}")
    if not all(0 <= share <= 1 for share in fractions.values()):
        raise InvalidValueError(f"fractions must be in 0…1, got {shown}")
    if abs(sum(fractions.values()) - 1) > 1e-6:
        raise InvalidValueError(f"fractions must sum to 1, got {shown}")


def _split_of(group: str, fractions: Mapping[Split, float], seed: int) -> Split:
    place = seed_for(seed, "manifest split", group) / 2**63
    chosen = [split for split in _SPLITS if fractions.get(split)]
    border = 0.0
    for split in chosen[:-1]:
        border += fractions[split]
        if place < border:
            return split
    return chosen[-1]
