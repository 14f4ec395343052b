"""What every way to store pixels offers."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeAlias, cast

from degrade.arrays import Box, U8Array
from degrade.pairs.pair_records import PairRecord, ShardSpec
from degrade.pairs.sidecar import Sidecar
from degrade.pairs.store_kinds import STORES

__all__ = [
    "PixelPair",
    "Store",
    "StoreReader",
    "StoreWriter",
    "cut",
    "load_store",
]

PixelPair: TypeAlias = tuple[U8Array, U8Array]
"""(LR, HR), RGB uint8."""


class StoreWriter(Protocol):
    """Writes the pixels of one shard under temporary names."""

    def append(self, record: PairRecord, lr_u8: U8Array, hr_u8: U8Array) -> None:
        """Write the next row."""
        ...

    def close(self) -> None:
        """Bring everything to disk and close the files."""
        ...

    def discard(self) -> None:
        """Close the files as they are, whatever state they are in; never raises."""
        ...


class StoreReader(Protocol):
    """Reads the pixels of one shard, without trust in its files.

    Every method raises CorruptDataError when the files are not as the sidecar says.
    """

    def read(self, record: PairRecord) -> PixelPair:
        """Return a pair whose bytes are known to be those that were written."""
        ...

    def read_crop(self, record: PairRecord, lr_box: Box, hr_box: Box) -> PixelPair:
        """Return a window of LR and one of HR; both lie within the images.

        The pair's checksum need not be tested: :meth:`read` does that.
        """
        ...

    def check_all(self, records: Sequence[PairRecord]) -> dict[str, int]:
        """Read every pair as :meth:`read` does.

        Returns
        -------
        dict of str to int
            The CRC-32 of each file that was read whole for it, by its name among the shard's.
        """
        ...

    def close(self) -> None:
        """Close the files."""
        ...


class Store(Protocol):
    """The functions that a module of a store has."""

    def create_store(self, folder: Path, spec: ShardSpec) -> StoreWriter:
        """Begin a shard under temporary names, in a folder free of leftovers."""
        ...

    def open_store(self, folder: Path, sidecar: Sidecar, suffix: str) -> StoreReader:
        """Open a shard whose files and folders end in ``suffix`` besides their names."""
        ...


def load_store(store_format: str) -> Store:
    """Return the module of a store; ``store_format`` is its name."""
    return cast(Store, importlib.import_module(STORES[store_format].module))


def cut(image: U8Array, box: Box) -> U8Array:
    """Return a window of an image, as a view."""
    top, left, height, width = box
    return image[top : top + height, left : left + width]
