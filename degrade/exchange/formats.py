"""The forms that other trainers read, and what writes each of them."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, cast

import numpy as np

from degrade.arrays import U8Array
from degrade.exchange.tar_plan import tar_names
from degrade.images.image_io import encode_png
from degrade.pairs import PairRecord

__all__ = [
    "PNG_LEVEL",
    "EncodedPair",
    "ExportSet",
    "Form",
    "Sink",
    "encode_pair",
    "entry_names",
    "open_sink",
]

Form: TypeAlias = Literal["basicsr-lmdb", "png", "kair", "webdataset", "h5"]
"""Whose files an export has; ``docs/export.md`` describes each."""

PNG_LEVEL = 1
"""zlib's level: 3 saves 3 % of a photo for a third more time, 6 saves 6 % for 3 times."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExportSet:
    """What is exported.

    Attributes
    ----------
    form : Form
    name : str
        What the LMDB folders begin with; ASCII letters, digits, ``_`` and ``-``.
    scale : int
    hr_size : int or None
        Side of every HR image; None when they vary.
    records : sequence of PairRecord
        By ascending key.
    """

    form: Form
    name: str
    scale: int
    hr_size: int | None
    records: Sequence[PairRecord]


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPair:
    """A pair as its form stores it: PNG files, or raw RGB bytes for HDF5."""

    record: PairRecord
    lr: bytes
    hr: bytes

    @property
    def size(self) -> int:
        """Bytes of both sides."""
        return len(self.lr) + len(self.hr)


class Sink(Protocol):
    """Writes an export, pair by pair in the order of the records, into a working folder."""

    def append(self, pair: EncodedPair) -> None:
        """Write the next pair."""
        ...

    def checkpoint(self) -> int:
        """Return how many leading pairs are on disk, so that a later run need not write them."""
        ...

    def close(self) -> None:
        """Bring everything to disk and check that it can be read back."""
        ...

    def discard(self) -> None:
        """Close the files as they are; never raises."""
        ...


class _SinkModule(Protocol):
    def open_sink(self, folder: Path, exported: ExportSet, done: int) -> Sink: ...


# Names, not modules: h5py and lmdb are imported only when their form is asked for.
_SINKS: dict[Form, str] = {
    "basicsr-lmdb": "degrade.exchange.lmdb_writer",
    "png": "degrade.exchange.folder_writer",
    "kair": "degrade.exchange.folder_writer",
    "webdataset": "degrade.exchange.tar_writer",
    "h5": "degrade.exchange.hdf5_writer",
}


def open_sink(folder: Path, exported: ExportSet, done: int) -> Sink:
    """Begin an export in the working folder ``folder``, or go on with one.

    Parameters
    ----------
    folder : Path
    exported : ExportSet
    done : int
        What an earlier :meth:`Sink.checkpoint` has returned; 0 begins anew.

    Raises
    ------
    DegradeError
        The files cannot be made.
    """
    module = cast(_SinkModule, importlib.import_module(_SINKS[exported.form]))
    return module.open_sink(folder, exported, done)


def encode_pair(form: Form, record: PairRecord, lr_u8: U8Array, hr_u8: U8Array) -> EncodedPair:
    """Return a pair as ``form`` stores it; this is where an export spends its time."""
    if form == "h5":
        lr, hr = (np.ascontiguousarray(side).tobytes() for side in (lr_u8, hr_u8))
    else:
        lr, hr = (encode_png(side, level=PNG_LEVEL) for side in (lr_u8, hr_u8))
    return EncodedPair(record, lr, hr)


def entry_names(exported: ExportSet) -> tuple[str, ...]:
    """Return the files and folders that an export consists of, besides the option files."""
    match exported.form:
        case "basicsr-lmdb":
            return (f"{exported.name}_HR.lmdb", f"{exported.name}_LR.lmdb")
        case "png":
            return ("hr", "lr", "meta_info.txt", "meta_info_pair.txt")
        case "kair":
            return ("trainH", "trainL")
        case "webdataset":
            return tar_names(exported.records)
        case "h5":
            return ("pairs.h5",)
