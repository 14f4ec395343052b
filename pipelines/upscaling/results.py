"""Where the enlarged photos go, and which of them are there already."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from degrade.disk.files import resolve_inside
from degrade.errors import DegradeError, InputError, line_of, printable
from degrade.field_names import composed
from degrade.images.sources import SourceFile, hash_file
from pipelines.shared.changes import changes_between, describe_changes
from pipelines.shared.photo_scan import ScannedPhoto
from pipelines.upscaling.journal import JournalEntry, ResultJournal

__all__ = ["Results", "choose_results"]


def choose_results(
    out: Path, files: Sequence[SourceFile], *, suffix: str, ending: str
) -> dict[Path, Path]:
    """Choose the file of each photo's result; photos that differ in their ending only keep it.

    Parameters
    ----------
    out : Path
    files : sequence of SourceFile
    suffix, ending : str
        What a name gets, such as "_x4" and ".png".

    Returns
    -------
    dict of Path to Path
        By the photo's path.

    Raises
    ------
    DegradeError
        A result would lie outside of ``out``, or replace a photo.
    """
    stems = [str(PurePath(file.name).with_suffix("")) + suffix for file in files]
    counts = Counter(map(_as_file, stems))
    chosen: dict[Path, Path] = {}
    taken: set[str] = set()
    for file, stem in zip(files, stems, strict=True):
        base = file.name + suffix if counts[_as_file(stem)] > 1 else stem
        name, number = base, 1
        while _as_file(name) in taken:
            # Of two folders that were given, both may hold this name.
            number += 1
            name = f"{base}-{number}"
        taken.add(_as_file(name))
        chosen[file.path] = _place_of(out, name + ending)
    sources = {file.path.resolve() for file in files}
    for result in chosen.values():
        if Path(os.path.realpath(result)) in sources:
            raise DegradeError(
                f"{printable(result)} is a source and would be replaced by an enlargement; "
                "choose another `out`, or a `suffix`"
            )
    return chosen


def _as_file(name: str) -> str:
    """Return what names have in common that are one file on a Mac or on Windows."""
    return composed(name).casefold()


def _place_of(out: Path, name: str) -> Path:
    """Return a result's path, with the links in its folders followed, but not one of its name."""
    path = PurePath(name)
    return resolve_inside(out, str(path.parent)) / path.name


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """The results of one call.

    Attributes
    ----------
    out : Path
    journal : ResultJournal
        Of ``out``.
    paths : mapping of Path to Path
        Of the results by those of the photos.
    settings : mapping
        All that decides on the pixels of a result.
    overwrite : bool
    """

    out: Path
    journal: ResultJournal
    paths: Mapping[Path, Path]
    settings: Mapping[str, Any]
    overwrite: bool

    def name(self, photo: ScannedPhoto) -> str:
        """Return what the journal calls a photo's result."""
        return str(self.paths[photo.path].relative_to(self.out.resolve()))

    def settings_for(self, photo: ScannedPhoto) -> dict[str, Any]:
        """Return all that decides on the pixels of a photo's result.

        The colours that are converted are among it, where there are some: before there was that,
        such results had other pixels, and all others had the same.
        """
        settings = dict(self.settings)
        if photo.colours:
            settings["colours"] = photo.colours
        return settings

    def is_done(self, photo: ScannedPhoto) -> bool:
        """Tell whether an earlier run has made a photo's result with these settings.

        Raises
        ------
        InputError
            A file of that name is there that no run has recorded, or its place cannot be used.
        DegradeError
            The result was made with other settings.
        """
        path = self.paths[photo.path]
        try:
            is_link = path.is_symlink()
            path.lstat()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise InputError(
                photo.path,
                f"its result cannot be called {printable(path)} ({error.strerror})",
                "rename the photo, or choose another `out`",
            ) from None
        if self.overwrite and not (path.is_dir() and not is_link):
            return False
        entry = self._entry(photo)
        if entry is None:
            raise self.taken(photo)
        is_same = entry.source_sha256 == photo.sha256
        settings = self.settings_for(photo) if is_same else dict(self.settings)
        then = dict(entry.settings)
        if not is_same:  # another photo may have other colours
            then.pop("colours", None)
        if then != settings:
            changes = describe_changes(
                changes_between(then, settings), unshown=("weights", "other")
            )
            raise DegradeError(
                f"{printable(path)} was made with other settings "
                f"({line_of(changes)}); choose another `out`, or replace it with "
                "`overwrite`"
            )
        # A photo that has changed since is enlarged again.
        return is_same

    def taken(self, photo: ScannedPhoto) -> InputError:
        """Return the error that something else has the name of a photo's result."""
        return InputError(
            photo.path,
            f"{printable(self.paths[photo.path])} is there and is not what an earlier run wrote",
            "choose another `out`, or replace it with `overwrite`",
        )

    def may_replace(self, photo: ScannedPhoto) -> bool:
        """Tell whether what has the name of a photo's result now gives way to it."""
        return self.overwrite or self._entry(photo) is not None

    def _entry(self, photo: ScannedPhoto) -> JournalEntry | None:
        """Return what is known of the file that has the name of a photo's result."""
        path = self.paths[photo.path]
        if path.is_symlink() or not path.is_file():
            return None
        return self.journal.get(self.name(photo), hash_file(path))
