"""Where pairs are kept: a folder of this machine, or a prefix of an object store.

Everything that writes, lists or checks shards does so through a :class:`Place`. Two rules hold in
every one: a name shows either nothing, or a whole file; and what is made for a name is finished
elsewhere first (in a temporary folder), so that two writers never meet before they publish.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, TypeAlias

from degrade.errors import (
    DegradeError,
    InvalidValueError,
    printable,
)
from degrade.places.local import LocalPlace
from degrade.places.remote import RemotePlace, without_credentials

__all__ = ["Location", "Place", "place_at", "refuse_url"]


class Place(Protocol):
    """A flat collection of files by name; a name has at most one ``/``.

    Instances are small values that may be pickled and used in any process.
    """

    def shown(self, name: str = "") -> str:
        """Return the place, or a file of it, as messages write it; never with credentials."""
        ...

    def absolute(self) -> Place:
        """Return the same place as processes with other current folders name it."""
        ...

    def claim(self, mark: str, kinds: Mapping[str, str]) -> None:
        """Make the place for one kind of content; see :func:`degrade.disk.files.claim_folder`."""
        ...

    def hold(self) -> AbstractContextManager[None]:
        """Keep other runs out, and remove what killed ones left unfinished.

        Raises
        ------
        FolderInUseError
            Another run holds the place.
        """
        ...

    def clear_unfinished(self) -> None:
        """Remove what killed or lost workers left; the caller holds the place.

        Raises
        ------
        DegradeError
            Something cannot be removed.
        """
        ...

    def names(self) -> list[str]:
        """Return the names of its files and folders; nothing of what is below them."""
        ...

    def size(self, name: str) -> int | None:
        """Return the bytes of a file; None when there is no such regular file.

        Raises
        ------
        CorruptDataError
            The name leads out of the place.
        """
        ...

    def read(self, name: str) -> bytes:
        """Return a small file.

        Raises
        ------
        CorruptDataError
            It is missing, unreadable or far too large, or leads out of the place.
        """
        ...

    def write(self, name: str, data: bytes) -> None:
        """Write a small file; a reader sees the old one or the whole new one."""
        ...

    def publish(self, files: Mapping[str, Path]) -> None:
        """Move finished local files (by the name they get) here, in order, each in one step.

        They are durable once this returns; after a crash before, any of them may be there.
        A file that is already there is replaced, so that publishing the same bytes twice, in any
        order and at the same time, leaves those bytes.
        """
        ...

    def remove(self, name: str) -> None:
        """Remove a file if it is there."""
        ...

    def make_temporary_folder(self, name: str) -> Path:
        """Make a new local folder in which files for this place are finished.

        Whoever makes it removes it; :meth:`hold` removes those of killed runs.
        """
        ...

    def fetched(self, names: Iterable[str]) -> AbstractContextManager[Path]:
        """Give a local folder that holds the named files, for reading."""
        ...


Location: TypeAlias = Path | str | Place
"""A folder, a URL, or a place that was found before."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/.*", re.S)


def place_at(where: Location) -> Place:
    """Return the place that a user named.

    Parameters
    ----------
    where : Path, str or Place
        A text with ``://`` is a URL; anything else a folder of this machine.

    Raises
    ------
    MissingDependencyError
        The packages that reach such a URL are not installed.
    InvalidValueError
        The URL's protocol is not known.
    """
    if not isinstance(where, (str, Path)):
        return where
    if isinstance(where, str) and "://" in where:
        if where.startswith("file://"):
            return LocalPlace(Path(where.removeprefix("file://")))
        return RemotePlace(where)
    if _URL.fullmatch(str(where)) and not Path(where).exists():
        # A folder called `s3:` is never meant.
        meant = printable(re.sub(":/+", "://", str(where), count=1))
        raise InvalidValueError(f"{printable(where)} is neither a URL ({meant}) nor a folder")
    return LocalPlace(Path(where))


def refuse_url(folder: Path | str) -> None:
    """Refuse a URL where files must be on this machine, for random reads.

    Raises
    ------
    DegradeError
        ``folder`` is a URL, also one whose ``//`` became ``/`` when it was made a path.
    """
    text = str(folder)
    if not _URL.fullmatch(text) or Path(text).exists():
        return
    shown = printable(without_credentials(re.sub(r":/+", "://", text, count=1)))
    raise DegradeError(
        f"{shown}: pairs are read from a local folder; copy them first: "
        f"python -c \"import fsspec; fs, root = fsspec.url_to_fs('{shown}'); "
        "fs.get(root, 'pairs', recursive=True)\""
    )
