"""An export format that a test adds: a file of PNGs one after the other, and a list of their sizes.

Its pairs are listed when the file is complete, so an export that was interrupted begins anew.
"""

from __future__ import annotations

from pathlib import Path

from degrade.disk.failures import writing
from degrade.exchange import EncodedPair, ExportSet


def open_writer(folder: Path, exported: ExportSet, done: int) -> ToyWriter:
    return ToyWriter(folder)


class ToyWriter:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines: list[str] = []
        self._file = (folder / "toy.bin").open("wb")

    def append(self, pair: EncodedPair) -> None:
        with writing(self._folder / "toy.bin", pair.size):
            self._file.write(pair.hr + pair.lr)
        self._lines.append(f"{pair.record.key} {len(pair.hr)} {len(pair.lr)}\n")

    def checkpoint(self) -> int:
        return 0

    def close(self) -> None:
        self._file.close()
        (self._folder / "toy.txt").write_text("".join(self._lines))

    def discard(self) -> None:
        self._file.close()
