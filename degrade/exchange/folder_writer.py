"""PNG files in two folders with equal names: what every trainer reads, KAIR by sorted order.

KAIR's own habit of a suffix (``0001x4.png``) is left out: it pairs by sorted order alone, and a
suffix sorts keys differently of which one begins with another (``a``, ``ab``).
"""

from __future__ import annotations

import re
from pathlib import Path

from degrade.disk.failures import STRUCTURE_BYTES, sync_file, writing
from degrade.disk.files import fsync_folder
from degrade.errors import DegradeError
from degrade.exchange.formats import EXPORT_FORMATS, EncodedPair, ExportSet, entry_names

__all__ = ["FolderWriter", "open_writer"]

_RESERVED = re.compile(r"con|prn|aux|nul|(?:com|lpt)[0-9]", re.IGNORECASE)


def open_writer(folder: Path, exported: ExportSet, done: int) -> FolderWriter:
    """Begin PNG folders or go on with them; refuse keys that would meet in one file."""
    _check_keys(exported)
    return FolderWriter(folder, exported, done)


def _check_keys(exported: ExportSet) -> None:
    """Refuse keys of which Windows, a Mac or a shared folder would make one file, or none."""
    first: dict[str, str] = {}
    for record in exported.records:
        other = first.setdefault(record.key.casefold(), record.key)
        if other != record.key:
            reason = f"the pairs {other} and {record.key} are one file where capitals do not count"
        elif _RESERVED.fullmatch(record.key):
            reason = f"the pair {record.key} cannot be a file on Windows"
        else:
            continue
        raise DegradeError(f"{reason}; export to basicsr-lmdb, webdataset or h5, or rename them")


class FolderWriter:
    """Writes PNG folders; see :class:`degrade.exchange.formats.ExportWriter`."""

    def __init__(self, folder: Path, exported: ExportSet, done: int) -> None:
        self._folder = folder
        self._exported = exported
        self._hr, self._lr = (folder / name for name in entry_names(exported)[:2])
        self._count = done
        self._unsynced: list[Path] = []
        with writing(folder, STRUCTURE_BYTES):
            for side in (self._hr, self._lr):
                side.mkdir(exist_ok=not side.is_symlink())

    def append(self, pair: EncodedPair) -> None:
        """Write the next pair."""
        for side, png in ((self._lr, pair.lr), (self._hr, pair.hr)):
            path = side / f"{pair.record.key}.png"
            with writing(path, len(png)):
                path.unlink(missing_ok=True)  # of a killed run; a link would lead elsewhere
                path.write_bytes(png)
            self._unsynced.append(path)
        self._count += 1

    def checkpoint(self) -> int:
        """Bring the files to disk; all pairs are safe then."""
        for path in self._unsynced:
            with writing(path, 0):
                sync_file(path)
        with writing(self._folder, 0):
            fsync_folder(self._hr)
            fsync_folder(self._lr)
        self._unsynced.clear()
        return self._count

    def close(self) -> None:
        """Bring the files to disk, and list them, where the format has such a list, in two ways."""
        self.checkpoint()
        pair_list = EXPORT_FORMATS[self._exported.format].pair_list
        if pair_list is None:
            return
        records, hr, lr = self._exported.records, self._hr.name, self._lr.name
        shapes = (f"{r.key}.png ({','.join(map(str, r.hr_shape))})\n" for r in records)
        self._write_list("meta_info.txt", "".join(shapes))
        self._write_list(
            pair_list, "".join(f"{hr}/{r.key}.png, {lr}/{r.key}.png\n" for r in records)
        )

    def _write_list(self, name: str, text: str) -> None:
        path = self._folder / name
        with writing(path, len(text)):
            path.unlink(missing_ok=True)
            path.write_text(text, encoding="ascii", newline="\n")
            sync_file(path)

    def discard(self) -> None:
        """Leave the files as they are."""
