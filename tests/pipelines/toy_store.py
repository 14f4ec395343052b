"""A store that a test adds: the plain bytes of a shard's pairs, LR and HR in turn, in one file."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from pathlib import Path

from degrade.arrays import Box, U8Array
from degrade.disk.failures import TEMPORARY, reading, sync_file, writing
from degrade.errors import CorruptDataError
from degrade.pairs import PairRecord, ShardSpec, Sidecar
from degrade.pairs.pair_records import pair_crc32
from degrade.pairs.stores.base import PixelPair
from degrade.pairs.stores.raw_pixels import read_image, read_window


def create_store(folder: Path, spec: ShardSpec) -> ToyWriter:
    return ToyWriter(folder / f"{spec.file_names[0]}{TEMPORARY}")


def open_store(folder: Path, sidecar: Sidecar, suffix: str = "") -> ToyReader:
    return ToyReader(folder / f"{sidecar.file_names[0]}{suffix}", sidecar)


class ToyWriter:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("wb")

    def append(self, record: PairRecord, lr_u8: U8Array, hr_u8: U8Array) -> None:
        with writing(self._path, lr_u8.nbytes + hr_u8.nbytes):
            self._file.write(lr_u8.tobytes() + hr_u8.tobytes())

    def close(self) -> None:
        self._file.close()
        sync_file(self._path)

    def discard(self) -> None:
        self._file.close()


class ToyReader:
    def __init__(self, path: Path, sidecar: Sidecar) -> None:
        self._path = path
        self._starts, end = [], 0
        for record in sidecar.records:
            self._starts.append(end)
            end += prod(record.lr_shape) + prod(record.hr_shape)
        with reading(path):
            self._file = path.open("rb")

    def read(self, record: PairRecord) -> PixelPair:
        start, file = self._starts[record.row], self._file.fileno()
        with reading(self._path, f"row {record.row}, key {record.key}"):
            lr = read_image(file, start, record.lr_shape)
            hr = read_image(file, start + prod(record.lr_shape), record.hr_shape)
            if pair_crc32(lr, hr) != record.crc32:
                raise CorruptDataError("its pixels are not those that were written")
        return lr, hr

    def read_crop(self, record: PairRecord, lr_box: Box, hr_box: Box) -> PixelPair:
        start, file = self._starts[record.row], self._file.fileno()
        with reading(self._path, f"row {record.row}, key {record.key}"):
            lr = read_window(file, start, record.lr_shape, lr_box)
            hr = read_window(file, start + prod(record.lr_shape), record.hr_shape, hr_box)
        return lr, hr

    def check_all(self, records: Sequence[PairRecord]) -> dict[str, int]:
        for record in records:
            self.read(record)
        return {}  # its file is summed up by others

    def close(self) -> None:
        self._file.close()
