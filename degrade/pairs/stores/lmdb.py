"""Pairs in LMDB: as PNG, in the two folders that BasicSR and neosr read unchanged, or as bytes.

``shard-00000_HR.lmdb`` and ``shard-00000_LR.lmdb`` hold the same keys; a value is the PNG of the
image; ``meta_info.txt`` has a line ``{key}.png ({h},{w},{c}) {compress level}`` for each. There is
no ``lock.mdb``: it holds process ids, differs from run to run, and LMDB makes it when it needs it.

The format ``lmdb-raw`` is the same but for the values, which are the RGB bytes row by row, so that
a crop is read without the rest. Its folders end in ``.lmdb-raw`` and its lines in ``.rgb (…) 0``:
trainers that expect PNG refuse them by name. Two folders here too, so that one writer, one reader
of keys and one list of a shard's files serve both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from degrade.arrays import Box, U8Array
from degrade.disk.failures import TEMPORARY, reading
from degrade.errors import CorruptDataError, InputError
from degrade.images.image_io import decode_photo, encode_png
from degrade.pairs.pair_records import PairRecord, Shape, ShardSpec, pair_crc32
from degrade.pairs.sidecar import Sidecar
from degrade.pairs.stores.base import PixelPair, cut
from degrade.pairs.stores.lmdb_folder import LmdbFolderWriter
from degrade.pairs.stores.lmdb_pages import LmdbFile
from degrade.pairs.stores.raw_pixels import read_image, read_window

__all__ = ["LmdbReader", "LmdbWriter", "RawLmdbReader", "create_store", "open_store"]


class LmdbWriter:
    """Writes one shard; see :class:`degrade.pairs.stores.base.StoreWriter`."""

    def __init__(self, hr_path: Path, lr_path: Path, encoding: _Encoding) -> None:
        self._encode = encoding.encode
        self._hr = LmdbFolderWriter(hr_path, ending=encoding.ending, level=encoding.level)
        try:
            self._lr = LmdbFolderWriter(lr_path, ending=encoding.ending, level=encoding.level)
        except BaseException:
            self._hr.discard()
            raise

    def append(self, record: PairRecord, lr_u8: U8Array, hr_u8: U8Array) -> None:
        """Write the next row."""
        self._lr.append(record.key, record.lr_shape, self._encode(lr_u8))
        self._hr.append(record.key, record.hr_shape, self._encode(hr_u8))

    def close(self) -> None:
        """Bring everything to disk and close the files."""
        self._lr.close()
        self._hr.close()

    def discard(self) -> None:
        """Close the files as they are."""
        self._lr.discard()
        self._hr.discard()


class _FolderReader:
    """Finds the images of one side."""

    def __init__(self, path: Path, sidecar: Sidecar) -> None:
        self.path = path
        with reading(path):
            self.file = LmdbFile(path / "data.mdb")
            if self.file.keys != tuple(record.key.encode() for record in sidecar.records):
                self.file.close()
                raise CorruptDataError("its keys are not those of the sidecar")

    def read_png(self, record: PairRecord, shape: Shape) -> U8Array:
        with reading(self.path, f"row {record.row}, key {record.key}"):
            png = self.file.read(record.key.encode())
            try:
                photo = decode_photo(png, self.path, max_pixels=shape[0] * shape[1])
            except InputError as error:
                raise CorruptDataError(
                    f"not an image that can be decoded ({error.reason})"
                ) from None
            if photo.pixels.shape != shape or photo.pixels.dtype != "uint8" or photo.notes:
                raise CorruptDataError(f"must hold an 8-bit RGB image of {shape}")
            # Decoded pixels are read-only; what is returned belongs to the caller.
            return photo.as_u8().copy()

    def read_bytes(self, record: PairRecord, shape: Shape, box: Box | None = None) -> U8Array:
        with reading(self.path, f"row {record.row}, key {record.key}"):
            start, size = self.file.find(record.key.encode())
            if size != math.prod(shape):
                raise CorruptDataError(f"must hold the bytes of {shape}, got {size}")
            if box is None:
                return read_image(self.file.descriptor, start, shape)
            return read_window(self.file.descriptor, start, shape, box)


class _FolderPair:
    """The open folders of a shard."""

    def __init__(self, hr_path: Path, lr_path: Path, sidecar: Sidecar) -> None:
        self._hr = _FolderReader(hr_path, sidecar)
        try:
            self._lr = _FolderReader(lr_path, sidecar)
        except BaseException:
            self._hr.file.close()
            raise

    def _check(self, record: PairRecord, pair: PixelPair) -> PixelPair:
        if pair_crc32(*pair) != record.crc32:
            with reading(self._hr.path, f"row {record.row}, key {record.key}"):
                raise CorruptDataError("its pixels are not those that were written (crc32)")
        return pair

    def read(self, record: PairRecord) -> PixelPair:
        """Return a pair whose bytes are known to be those that were written."""
        raise NotImplementedError

    def check_all(self, records: Sequence[PairRecord]) -> dict[str, int]:
        """Read every pair; of pages that hold none nothing is known."""
        for record in records:
            self.read(record)
        return {}

    def close(self) -> None:
        """Close the files."""
        self._hr.file.close()
        self._lr.file.close()


class LmdbReader(_FolderPair):
    """Reads one shard of PNGs; see :class:`degrade.pairs.stores.base.StoreReader`."""

    def read(self, record: PairRecord) -> PixelPair:
        """Return a pair whose bytes are known to be those that were written."""
        lr = self._lr.read_png(record, record.lr_shape)
        hr = self._hr.read_png(record, record.hr_shape)
        return self._check(record, (lr, hr))

    def read_crop(self, record: PairRecord, lr_box: Box, hr_box: Box) -> PixelPair:
        """Return a window of LR and one of HR; whole images are decoded, so they are checked."""
        lr, hr = self.read(record)
        return cut(lr, lr_box), cut(hr, hr_box)


class RawLmdbReader(_FolderPair):
    """Reads one shard of plain bytes; see :class:`degrade.pairs.stores.base.StoreReader`."""

    def read(self, record: PairRecord) -> PixelPair:
        """Return a pair whose bytes are known to be those that were written."""
        lr = self._lr.read_bytes(record, record.lr_shape)
        hr = self._hr.read_bytes(record, record.hr_shape)
        return self._check(record, (lr, hr))

    def read_crop(self, record: PairRecord, lr_box: Box, hr_box: Box) -> PixelPair:
        """Return a window of LR and one of HR, reading only their rows; nothing is checked."""
        return (
            self._lr.read_bytes(record, record.lr_shape, lr_box),
            self._hr.read_bytes(record, record.hr_shape, hr_box),
        )


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How images become values and back; ending and level as ``meta_info.txt`` has them."""

    ending: str
    level: int
    encode: Callable[[U8Array], bytes]
    reader: type[LmdbReader] | type[RawLmdbReader]


_COMPRESS_LEVEL = 1
_ENCODINGS = {
    "lmdb": _Encoding(
        "png",
        _COMPRESS_LEVEL,
        lambda u8: encode_png(u8, level=_COMPRESS_LEVEL, quickly=True),
        LmdbReader,
    ),
    "lmdb-raw": _Encoding("rgb", 0, lambda u8: u8.tobytes(), RawLmdbReader),
}


def create_store(folder: Path, spec: ShardSpec) -> LmdbWriter:
    """Begin a shard; see :class:`degrade.pairs.stores.base.Store`."""
    hr, lr = (folder / f"{name}{TEMPORARY}" for name in spec.entry_names)
    return LmdbWriter(hr, lr, _ENCODINGS[spec.format])


def open_store(folder: Path, sidecar: Sidecar, suffix: str) -> LmdbReader | RawLmdbReader:
    """Open a shard; see :class:`degrade.pairs.stores.base.Store`."""
    hr, lr = (folder / f"{name}{suffix}" for name in sidecar.entry_names)
    return _ENCODINGS[sidecar.format].reader(hr, lr, sidecar)
