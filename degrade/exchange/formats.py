"""The formats that other trainers read: one row each, and what a writer of one does.

A new format is its writer's module and a row in :data:`EXPORT_FORMATS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from degrade.exchange.tar_plan import tar_names
from degrade.geometry import Scale

if TYPE_CHECKING:
    from degrade.pairs import PairRecord

__all__ = [
    "EXPORT_FORMATS",
    "PNG_LEVEL",
    "EncodedPair",
    "ExportFormat",
    "ExportSet",
    "ExportWriter",
    "entry_names",
    "open_writer",
]

PNG_LEVEL = 1
"""zlib's level: 3 saves 3 % of a photo for a third more time, 6 saves 6 % for 3 times."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExportSet:
    """What is exported.

    Attributes
    ----------
    format : str
        A name in :data:`EXPORT_FORMATS`.
    name : str
        What the LMDB folders begin with; ASCII letters, digits, ``_`` and ``-``.
    scale : Scale
    hr_size : int or None
        Side of every HR image; None when they vary.
    records : sequence of PairRecord
        By ascending key.
    """

    format: str
    name: str
    scale: Scale
    hr_size: int | None
    records: Sequence[PairRecord]


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPair:
    """A pair as its format stores it: PNG files, or raw RGB bytes for HDF5."""

    record: PairRecord
    lr: bytes
    hr: bytes

    @property
    def size(self) -> int:
        """Bytes of both sides."""
        return len(self.lr) + len(self.hr)


class ExportWriter(Protocol):
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


class _WriterModule(Protocol):
    def open_writer(self, folder: Path, exported: ExportSet, done: int) -> ExportWriter: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """One way to export pairs; ``docs/export.md`` describes each.

    Attributes
    ----------
    name : str
        What ``degrade export --to`` takes.
    readers : str
        Who reads it, for people.
    writer : str
        The module whose ``open_writer`` writes it: a name, so that h5py and lmdb are imported only
        when their format is asked for.
    entries : callable
        Returns the files and folders that an export consists of, HR's folder before LR's.
    trainers : tuple of str
        Whose option files go with it; see :mod:`degrade.exchange.option_files`.
    is_raw : bool
        Pairs are kept as RGB bytes, not as PNG.
    pair_list : str or None
        The entry that lists which HR and LR files belong together.
    kernels : str or None
        The file of blur kernels that its trainer looks for.
    """

    name: str
    readers: str
    writer: str
    entries: Callable[[ExportSet], tuple[str, ...]]
    trainers: tuple[str, ...] = ()
    is_raw: bool = False
    pair_list: str | None = None
    kernels: str | None = None


_ROWS = (
    ExportFormat(
        name="basicsr-lmdb",
        readers="BasicSR, Real-ESRGAN, neosr",
        writer="degrade.exchange.lmdb_writer",
        entries=lambda exported: (f"{exported.name}_HR.lmdb", f"{exported.name}_LR.lmdb"),
        trainers=("basicsr", "realesrgan", "neosr"),
    ),
    ExportFormat(
        name="png",
        readers="these and traiNNer-redux",
        writer="degrade.exchange.folder_writer",
        entries=lambda _: ("hr", "lr", "meta_info.txt", "meta_info_pair.txt"),
        # traiNNer-redux reads image files only.
        trainers=("basicsr", "realesrgan", "neosr", "trainner-redux"),
        pair_list="meta_info_pair.txt",
    ),
    ExportFormat(
        name="kair",
        readers="KAIR",
        writer="degrade.exchange.folder_writer",
        entries=lambda _: ("trainH", "trainL"),
        trainers=("kair",),
        kernels="kernels.mat",
    ),
    ExportFormat(
        name="webdataset",
        readers="loaders of your own",
        writer="degrade.exchange.tar_writer",
        entries=lambda exported: tar_names(exported.records),
    ),
    ExportFormat(
        name="h5",
        readers="loaders of your own",
        writer="degrade.exchange.hdf5_writer",
        entries=lambda _: ("pairs.h5",),
        is_raw=True,
    ),
)

EXPORT_FORMATS = {row.name: row for row in _ROWS}
"""All formats by name, in the order of the help."""


def open_writer(folder: Path, exported: ExportSet, done: int) -> ExportWriter:
    """Begin an export in the working folder ``folder``, or go on with one.

    Parameters
    ----------
    folder : Path
    exported : ExportSet
    done : int
        What an earlier :meth:`ExportWriter.checkpoint` has returned; 0 begins anew.

    Raises
    ------
    DegradeError
        The files cannot be made.
    """
    module = cast(_WriterModule, importlib.import_module(EXPORT_FORMATS[exported.format].writer))
    return module.open_writer(folder, exported, done)


def entry_names(exported: ExportSet) -> tuple[str, ...]:
    """Return the files and folders that an export consists of, besides the option files."""
    return EXPORT_FORMATS[exported.format].entries(exported)
