"""One plain HDF5 file for all pairs, for loaders of one's own.

Attributes ``format`` ("degrade-export"), ``version`` (1) and ``scale``. Datasets ``key`` and
``plan`` (N,), ASCII texts, a plan being JSON or "null". With one size for all, ``hr`` (N, H, W, 3)
and ``lr`` (N, h, w, 3), uint8 RGB, one sample a chunk; else groups ``hr`` and ``lr`` with a dataset
(h, w, 3) for each key.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from degrade.disk.failures import STRUCTURE_BYTES, sync_file, writing
from degrade.errors import CorruptDataError, printable
from degrade.exchange.formats import EncodedPair, ExportSet, entry_names
from degrade.geometry import lr_side, scale_number
from degrade.pairs import PairRecord
from degrade.pairs.pair_records import pair_crc32
from degrade.pairs.stores.hdf5 import WRITE_ERRORS, create_file, discard_file

__all__ = ["Hdf5FileWriter", "open_writer"]

_TEXTS_A_CHUNK = 256


def open_writer(folder: Path, exported: ExportSet, done: int) -> Hdf5FileWriter:
    """Begin the HDF5 file; an unfinished one always anew."""
    del done
    return Hdf5FileWriter(folder / entry_names(exported)[0], exported)


class Hdf5FileWriter:
    """Writes one file; see :class:`degrade.exchange.formats.ExportWriter`."""

    def __init__(self, path: Path, exported: ExportSet) -> None:
        self._path = path
        self._exported = exported
        self._count = 0
        with writing(path, 0):
            path.unlink(missing_ok=True)  # of a killed run; a link would lead elsewhere
        self._file = create_file(path)
        try:
            self._begin()
        except BaseException:
            self.discard()
            raise

    def _begin(self) -> None:
        scale, hr_size, records = (
            self._exported.scale,
            self._exported.hr_size,
            self._exported.records,
        )
        plans = [None if record.plan is None else record.plan.to_json() for record in records]
        texts = [json.dumps(plan, sort_keys=True) for plan in plans]
        with writing(self._path, STRUCTURE_BYTES + sum(map(len, texts)), *WRITE_ERRORS):
            self._file.attrs["format"] = np.bytes_("degrade-export")
            self._file.attrs["version"] = 1
            self._file.attrs["scale"] = scale_number(scale)
            for name, values in (("key", [record.key for record in records]), ("plan", texts)):
                # Of one length and in chunks: what is not goes through a buffer, and when a full
                # disk keeps HDF5 from writing that, it crashes.
                self._file.create_dataset(
                    name,
                    data=np.array(values, dtype=np.bytes_),
                    chunks=(min(len(values), _TEXTS_A_CHUNK),),
                    track_times=False,
                )
            for name, side in (("lr", hr_size and lr_side(hr_size, scale)), ("hr", hr_size)):
                if side is None:
                    self._file.create_group(name)
                else:
                    self._file.create_dataset(
                        name,
                        shape=(len(records), side, side, 3),
                        chunks=(1, side, side, 3),
                        dtype=np.uint8,
                        track_times=False,
                    )

    def append(self, pair: EncodedPair) -> None:
        """Write the next pair."""
        record = pair.record
        with writing(self._path, pair.size, *WRITE_ERRORS):
            for name, data, shape in (
                ("lr", pair.lr, record.lr_shape),
                ("hr", pair.hr, record.hr_shape),
            ):
                image = np.frombuffer(data, np.uint8).reshape(shape)
                if self._exported.hr_size is None:
                    self._file[name].create_dataset(
                        record.key, data=image, chunks=shape, track_times=False
                    )
                else:
                    self._file[name][self._count] = image
        self._count += 1

    def checkpoint(self) -> int:
        """Return 0: a file that was not closed is begun anew."""
        return 0

    def close(self) -> None:
        """Bring everything to disk and read it back."""
        with writing(self._path, STRUCTURE_BYTES, *WRITE_ERRORS):
            self._file.close()
            sync_file(self._path)
            with h5py.File(self._path, "r", locking=False, rdcc_nbytes=0) as file:
                for number, record in enumerate(self._exported.records):
                    self._check(file, number, record)

    def _check(self, file: Any, number: int, record: PairRecord) -> None:
        """Compare with what the pairs' own checksum says: full disks read as zeros."""
        place = record.key if self._exported.hr_size is None else number
        if pair_crc32(file["lr"][place], file["hr"][place]) != record.crc32:
            raise CorruptDataError(
                f"{printable(self._path)}: does not hold what was written; check the disk"
            )

    def discard(self) -> None:
        """Close the file as it is."""
        discard_file(self._file, self._path)
