"""Reading pairs: by number, whole or as aligned crops, from as many processes as one likes."""

from __future__ import annotations

import bisect
import itertools
import os
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from degrade.arrays import Box
from degrade.errors import CorruptDataError, DegradeError, InvalidValueError, printable
from degrade.geometry import hr_box
from degrade.pairs.pair_records import PairRecord
from degrade.pairs.shard_list import (
    SHARD_LIST_NAME,
    ShardEntry,
    check_together,
    read_shard_list,
)
from degrade.pairs.shards import check_sizes, read_sidecar, sidecar_indices
from degrade.pairs.sidecar import Sidecar
from degrade.pairs.stores.base import PixelPair, StoreReader, cut, load_store
from degrade.places.place import refuse_url

__all__ = ["PairReader", "open_pairs"]

# Two files a shard for LMDB: well below the usual limit of 1024 open files.
_OPEN_SHARDS = 256


def open_pairs(folder: Path, *, allow_partial: bool = False) -> PairReader:
    """Open a folder of pairs for reading.

    Parameters
    ----------
    folder : Path
        What ``degrade build-pairs`` made.
    allow_partial : bool
        Open also a folder whose run has not ended, with the shards that are finished; ``run`` is
        empty then.

    Raises
    ------
    DegradeError
        The folder holds no pairs, or its run has not ended.
    CorruptDataError
        A sidecar or the list of shards is damaged, or a file is missing or of another size. Pixels
        are checked when they are read.
    """
    refuse_url(folder)
    if (folder / SHARD_LIST_NAME).exists():
        listed = read_shard_list(folder)
        sidecars = [read_sidecar(folder, entry.index) for entry in listed.shards]
        for entry, sidecar in zip(listed.shards, sidecars, strict=True):
            if entry != ShardEntry.from_sidecar(sidecar):
                raise CorruptDataError(
                    f"{printable(folder / sidecar.sidecar_name)}: is not the one that "
                    f"{SHARD_LIST_NAME} lists; run build-pairs again to finish"
                )
        run = listed.run
    else:
        sidecars, run = _read_partial(folder, allow_partial), {}
    check_together(folder, [sidecar.head for sidecar in sidecars])
    for sidecar in sidecars:
        check_sizes(folder, sidecar)
    return PairReader(folder, sidecars, run)


def _read_partial(folder: Path, allow_partial: bool) -> list[Sidecar]:
    indices = sidecar_indices(folder)
    if not indices:
        raise DegradeError(
            f"{printable(folder)}: holds no pairs; give a folder that build-pairs has made"
        )
    if not allow_partial:
        raise DegradeError(
            f"{printable(folder)}: has {len(indices)} finished shards but no {SHARD_LIST_NAME}, so "
            "its run has not ended; run build-pairs again to finish"
        )
    return [read_sidecar(folder, index) for index in indices]


class PairReader:
    """A sequence of LR/HR pairs on disk; made by :func:`open_pairs`.

    Files are opened when they are first read, once per process: an instance may be pickled or
    carried through a fork. Threads need one instance each.

    Attributes
    ----------
    folder : Path
    format : str
        A name in :data:`degrade.pairs.STORES`.
    scale : Scale
    hr_size : int or None
        Side of every HR image; None when they vary.
    records : tuple of PairRecord
        One per pair, in reading order.
    run : dict
        The settings of the run that made the folder.
    """

    def __init__(self, folder: Path, sidecars: list[Sidecar], run: dict[str, Any]) -> None:
        self.folder = folder
        self.format = sidecars[0].format
        self.scale = sidecars[0].scale
        self.hr_size = sidecars[0].hr_size
        self.records: tuple[PairRecord, ...] = tuple(
            itertools.chain.from_iterable(sidecar.records for sidecar in sidecars)
        )
        self.run = run
        self._sidecars = sidecars
        counts = (len(sidecar.records) for sidecar in sidecars)
        self._ends = list(itertools.accumulate(counts))
        self._numbers: dict[str, int] | None = None
        self._stores: OrderedDict[int, StoreReader] = OrderedDict()
        self._checked = bytearray(len(self.records))
        self._process = os.getpid()

    def __len__(self) -> int:
        return len(self.records)

    @property
    def sources(self) -> Iterator[dict[str, Any]]:
        """What the sidecars keep of the files that the pairs were made of."""
        return itertools.chain.from_iterable(sidecar.sources for sidecar in self._sidecars)

    @property
    def hr_photos(self) -> frozenset[str]:
        """The sha256 of the HR photos that the sidecars name."""
        found = (each.get("hr_sha256") or each.get("sha256") for each in self.sources)
        return frozenset(filter(None, found))

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all pairs, in reading order."""
        return tuple(record.key for record in self.records)

    def find(self, key: str) -> int:
        """Return the number of the pair called ``key``.

        Raises
        ------
        InvalidValueError
            There is none.
        """
        if self._numbers is None:
            self._numbers = {record.key: i for i, record in enumerate(self.records)}
        if key not in self._numbers:
            known = f"; keys look like {self.keys[0]}" if len(self) else ""
            raise InvalidValueError(
                f"{printable(self.folder)}: no pair has the key {printable(key)}{known}"
            )
        return self._numbers[key]

    def read(self, i: int) -> PixelPair:
        """Return pair ``i``, whose bytes are known to be those that were written.

        Returns
        -------
        lr_u8, hr_u8 : (h, w, 3) and (scale·h, scale·w, 3) uint8 arrays
            RGB; the caller's own.

        Raises
        ------
        CorruptDataError
            The shard is damaged; names file, row and key.
        """
        record = self._record(i)
        pixels = self._store(i).read(record)
        self._checked[i] = True
        return pixels

    def read_crop(self, i: int, top: int, left: int, lr_size: int) -> PixelPair:
        """Return the same square of both sides of pair ``i``.

        Parameters
        ----------
        i : int
        top, left : int
            The square's corner in LR pixels.
        lr_size : int
            Its side in LR pixels.

        Returns
        -------
        lr_u8, hr_u8 : (lr_size, lr_size, 3) and (scale·lr_size, scale·lr_size, 3) uint8 arrays
            RGB; the caller's own. The first time that a process reads anything of a pair it reads
            all of it and tests its checksum; then only the rows of the crop, if the format allows.

        Raises
        ------
        InvalidValueError
            The square leaves the image, or at a scale n/d it begins or ends between multiples of d.
        CorruptDataError
            The shard is damaged; names file, row and key.
        """
        record = self._record(i)
        height, width, _ = record.lr_shape
        if lr_size < 1 or not (0 <= top <= height - lr_size and 0 <= left <= width - lr_size):
            raise InvalidValueError(
                f"a crop of {lr_size} at ({top}, {left}) leaves the LR image of {height}×{width}"
            )
        lr_box: Box = (top, left, lr_size, lr_size)
        box = hr_box(lr_box, self.scale)
        store = self._store(i)
        if self._checked[i]:
            return store.read_crop(record, lr_box, box)
        lr, hr = store.read(record)
        self._checked[i] = True
        return cut(lr, lr_box), cut(hr, box)

    def _record(self, i: int) -> PairRecord:
        if not 0 <= i < len(self.records):
            raise InvalidValueError(f"pair {i} is not one of the {len(self.records)} here")
        return self.records[i]

    def _store(self, i: int) -> StoreReader:
        if self._process != os.getpid():
            # Handles of the process that was forked: they must not be used here.
            self._stores = OrderedDict()
            self._checked = bytearray(len(self.records))
            self._process = os.getpid()
        shard = bisect.bisect_right(self._ends, i)
        store = self._stores.get(shard)
        if store is None:
            sidecar = self._sidecars[shard]
            # Again, and here: the files may have changed since the folder was opened.
            check_sizes(self.folder, sidecar)
            store = load_store(self.format).open_store(self.folder, sidecar, "")
            self._stores[shard] = store
            if len(self._stores) > _OPEN_SHARDS:
                self._stores.popitem(last=False)[1].close()
        self._stores.move_to_end(shard)
        return store

    def close(self) -> None:
        """Close all files; reading again opens them again."""
        while self._stores:
            store = self._stores.popitem()[1]
            if self._process == os.getpid():
                store.close()

    def __enter__(self) -> PairReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        unchecked = bytearray(len(self.records))
        return self.__dict__ | {"_stores": OrderedDict(), "_checked": unchecked, "_numbers": None}
