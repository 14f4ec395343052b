"""WebDataset: tar files with ``{key}.hr.png``, ``{key}.lr.png`` and ``{key}.json`` in a row.

A tar's bytes follow from its pairs alone: no times, no owners. A file that has its final name is
complete, so an interrupted export goes on with the next one.
"""

from __future__ import annotations

import bisect
import contextlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from degrade.disk.failures import STRUCTURE_BYTES, TEMPORARY, sync_file, writing
from degrade.disk.files import fsync_folder
from degrade.exchange.formats import EncodedPair, ExportSet
from degrade.exchange.tar_plan import tar_ends, tar_names
from degrade.pairs import PairRecord

__all__ = ["TarWriter", "open_writer"]


def open_writer(folder: Path, exported: ExportSet, done: int) -> TarWriter:
    """Begin tars or go on after those that are complete."""
    return TarWriter(folder, exported.records, done)


class TarWriter:
    """Writes tars; see :class:`degrade.exchange.formats.ExportWriter`."""

    def __init__(self, folder: Path, records: Sequence[PairRecord], done: int) -> None:
        self._folder = folder
        self._ends = tar_ends(records)
        self._names = tar_names(records)
        self._count = self._safe = done
        self._tar: tarfile.TarFile | None = None

    @property
    def _number(self) -> int:
        """The tar that the next pair belongs to."""
        return bisect.bisect_right(self._ends, self._count)

    def append(self, pair: EncodedPair) -> None:
        """Write the next pair."""
        path = self._folder / f"{self._names[self._number]}{TEMPORARY}"
        with writing(path, pair.size):
            if self._tar is None:
                path.unlink(missing_ok=True)  # of a killed run; a link would lead elsewhere
                # Long keys need PAX's headers; readers of tar streams know them.
                self._tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
            key = pair.record.key
            for ending, content in (
                ("hr.png", pair.hr),
                ("lr.png", pair.lr),
                ("json", _describe(pair.record)),
            ):
                self._add(f"{key}.{ending}", content)
        self._count += 1
        if self._count in self._ends:
            self._finish(path)

    def _add(self, name: str, content: bytes) -> None:
        info = tarfile.TarInfo(name)  # mtime, uid and gid are 0, the owners' names empty
        info.size = len(content)
        if self._tar is not None:
            self._tar.addfile(info, io.BytesIO(content))

    def _finish(self, path: Path) -> None:
        with writing(path, STRUCTURE_BYTES):
            if self._tar is not None:
                self._tar.close()
            self._tar = None
            sync_file(path)
            path.rename(path.with_name(path.name.removesuffix(TEMPORARY)))
            fsync_folder(self._folder)
        self._safe = self._count

    def checkpoint(self) -> int:
        """Return how many pairs are in complete tars."""
        return self._safe

    def close(self) -> None:
        """Do nothing: the last pair has ended the last tar."""

    def discard(self) -> None:
        """Close the file as it is."""
        if self._tar is not None:
            with contextlib.suppress(OSError):
                self._tar.close()


def _describe(record: PairRecord) -> bytes:
    plan = None if record.plan is None else record.plan.to_json()
    fields = {"key": record.key, "plan": plan}
    return json.dumps(fields, sort_keys=True).encode("ascii") + b"\n"
