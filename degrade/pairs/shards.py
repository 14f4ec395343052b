"""Writing shards such that a kill at any moment leaves whole ones and nothing else that counts.

A shard is written in a temporary folder that only this attempt has: closed, synced, read back and
checked, its sidecar beside it. Then the files are published, and last the sidecar, which is
the commit. Several processes may make the same shard at once, on one machine or many: a retry whose
first try was only slow, a worker whose run was given up. That is harmless because

- they finish in folders of their own, so that until then nothing is shared;
- the bytes follow from the specification alone, so that a file published over another, at any
  moment and in any order, is the same file; nobody removes what another has published;
- each sidecar is published after its writer's own files, so that wherever there is one, all files
  are there, whoever published which;
- a writer that finds the shard committed publishes nothing.

Only a sidecar that says something else (of another version of the toolkit, or damaged) is removed
before files are published, lest it vouch for them. A run does that for all its shards, holding the
place, before its workers begin, so that workers have nothing to remove.

A kill or an error between files and sidecar leaves files without a sidecar: they count for nothing
and are published over. A machine that loses its power may keep the sidecar's name and lose that of
a file: a shard only counts with all files there, in the sizes that the sidecar states. When only
making the sidecar's name durable fails, it stays: what it says is true, and if it is lost after
all, the shard is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from degrade.degradation import Pair
from degrade.disk.checksums import file_crc32
from degrade.disk.failures import STRUCTURE_BYTES, TEMPORARY, require_space, sync_file, writing
from degrade.errors import CorruptDataError, InvalidValueError, as_typed
from degrade.images.sources import Reject
from degrade.pairs.pair_records import FileRecord, PairRecord, PairsDigest, ShardSpec
from degrade.pairs.sidecar import ShardHead, Sidecar, is_source
from degrade.pairs.stores.base import load_store
from degrade.places.place import Location, Place, place_at

__all__ = [
    "ShardWriter",
    "check_file",
    "check_sizes",
    "create_shard",
    "find_committed",
    "read_sidecar",
    "record_file",
    "sidecar_indices",
]

_SIDECAR_NAME = re.compile(r"shard-(\d{5,9})\.json")


def create_shard(where: Location, spec: ShardSpec) -> ShardWriter:
    """Begin a shard in a folder, which is made when missing, or at a URL.

    Use the result as a context manager: leaving it without a commit removes what was written.
    Several processes may make the same shard of the same content at once.
    """
    return ShardWriter(place_at(where), spec)


def read_sidecar(where: Location, index: int) -> Sidecar:
    """Read and check the sidecar of a shard.

    Raises
    ------
    CorruptDataError
        It is missing, damaged, of another version, or contradicts itself.
    UnreachableError
        The store did not answer.
    """
    return Sidecar.read(place_at(where), index)


def find_committed(where: Location, spec: ShardSpec) -> ShardHead | None:
    """Return what the sidecar of a complete shard says: for ``spec``, with files of its sizes.

    Raises
    ------
    DegradeError
        The store did not answer, or the folder cannot be read: nothing is known of the shard.
    """
    place = place_at(where)
    try:
        head = ShardHead.read(place, spec.index)
        check_sizes(place, head)
    except CorruptDataError:
        return None
    return head if head.spec == spec else None


def sidecar_indices(where: Location) -> list[int]:
    """Return the numbers of the shards that have a sidecar, ascending.

    Raises
    ------
    DegradeError
        The folder cannot be read, or the store did not answer.
    """
    found = (_SIDECAR_NAME.fullmatch(name) for name in place_at(where).names())
    # A longer name for the same number would be read as the shorter one.
    return sorted(
        int(match[1]) for match in found if match and match[0] == f"shard-{int(match[1]):05d}.json"
    )


def check_sizes(where: Location, sidecar: Sidecar | ShardHead) -> None:
    """Check that a shard's files lie inside their place and have the recorded sizes.

    Raises
    ------
    CorruptDataError
        The first file that is missing, no regular file, of another size, or a link that leads out.
    """
    for file in sidecar.files:
        try:
            check_file(where, file)
        except CorruptDataError as error:
            raise CorruptDataError(
                f"{error}; `degrade verify {as_typed(place_at(where).shown())}` says what to build "
                "again"
            ) from None


def check_file(where: Location, file: FileRecord) -> None:
    """Check one file as :func:`check_sizes` does all of a shard."""
    place = place_at(where)
    size = place.size(file.name)
    if size is None:
        raise CorruptDataError(f"{place.shown(file.name)}: the file is missing")
    if size != file.size:
        raise CorruptDataError(
            f"{place.shown(file.name)}: has {size} bytes, {file.size} were written"
        )


def record_file(
    path: Path, name: str, crc32: int | None = None, *, by_sha256: bool = False
) -> FileRecord:
    """Measure a file and sum it up; ``name`` is what the record calls it.

    ``crc32`` is its sum, where that is known. With ``by_sha256`` as earlier versions did.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if by_sha256:
            return FileRecord(name, size, sha256=hashlib.file_digest(file, "sha256").hexdigest())
        return FileRecord(name, size, file_crc32(file) if crc32 is None else crc32)


class ShardWriter:
    """Writes one shard; made by :func:`create_shard`.

    Attributes
    ----------
    place : Place
    spec : ShardSpec
    """

    def __init__(self, place: Place, spec: ShardSpec) -> None:
        self.place = place
        self.spec = spec
        self._records: list[PairRecord] = []
        self._digest = PairsDigest()
        self._temporary = place.make_temporary_folder(spec.name)
        try:
            self._store = load_store(spec.format).create_store(self._temporary, spec)
        except BaseException:
            self._clear()
            raise

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._store.discard()
        self._clear()

    def _clear(self) -> None:
        shutil.rmtree(self._temporary, ignore_errors=True)

    def add(self, pair: Pair) -> None:
        """Write the next pair; keys must ascend.

        Raises
        ------
        InvalidValueError
            The pair does not fit the shard, or its key does not follow the last one.
        DegradeError
            The disk is full or fails.
        """
        record = PairRecord.from_pair(pair, len(self._records), self.spec)
        if self._records and record.key <= self._records[-1].key:
            raise InvalidValueError(
                f"pairs must be added in ascending key order, got {record.key!r} after "
                f"{self._records[-1].key!r}"
            )
        require_space(self._temporary / self.spec.name, pair.lr_u8.nbytes + pair.hr_u8.nbytes)
        self._store.append(record, pair.lr_u8, pair.hr_u8)
        self._records.append(record)
        self._digest.update(record)

    def commit(
        self, *, sources: Sequence[Mapping[str, Any]] = (), rejects: Sequence[Reject] = ()
    ) -> Sidecar:
        """Check what was written, move it into place and write the sidecar.

        Parameters
        ----------
        sources : sequence of mapping
            The photos behind the pairs; texts and integers by name, no paths of this machine.
        rejects : sequence of Reject
            Inputs of this shard that could not be used.

        Raises
        ------
        DegradeError
            The disk is full or fails, or what was written cannot be read back.
        """
        if not all(is_source(source) for source in sources):
            raise InvalidValueError("sources must be mappings of texts and integers by name")
        self._store.close()
        files = {name: self._finished(name) for name in self.spec.file_names}
        written = Sidecar(
            index=self.spec.index,
            format=self.spec.format,
            scale=self.spec.scale,
            hr_size=self.spec.hr_size,
            config_hash=self.spec.config_hash,
            records=tuple(self._records),
            sources=tuple(dict(source) for source in sources),
            rejects=tuple(rejects),
            digest=self._digest.hexdigest(),
            files=(),
        )
        sums = self._check(written)
        with writing(self._temporary / self.spec.name, STRUCTURE_BYTES):
            records = (record_file(path, name, sums.get(name)) for name, path in files.items())
            sidecar = replace(written, files=tuple(records))
        self._publish(sidecar, files)
        return sidecar

    def _finished(self, name: str) -> Path:
        entry, *rest = name.split("/")
        return self._temporary.joinpath(f"{entry}{TEMPORARY}", *rest)

    def _check(self, sidecar: Sidecar) -> dict[str, int]:
        """Read everything back: a disk that was full may have kept less than it accepted.

        Returns the CRC-32 of the files that were read whole.
        """
        store = load_store(self.spec.format).open_store(self._temporary, sidecar, TEMPORARY)
        with contextlib.closing(store):
            return store.check_all(sidecar.records)

    def _publish(self, sidecar: Sidecar, files: Mapping[str, Path]) -> None:
        """Publish the files, then the sidecar; the module's text says why in this way."""
        name, content = self.spec.sidecar_name, sidecar.encode()
        finished = self._temporary / name
        # Before anything is published, so that a full disk shows while nothing has changed.
        with writing(finished, len(content)):
            finished.write_bytes(content)
            sync_file(finished)
        there = self._sidecar_there()
        if there == content:
            with contextlib.suppress(CorruptDataError):
                check_sizes(self.place, sidecar)
                return
        elif there is not None:
            self.place.remove(name)
        if any(self._is_there(file) for file in files):
            # A loss of power must not leave the new sidecar with an old file of the same size.
            self.place.publish(files)
            files = {}
        self.place.publish({**files, name: finished})

    def _is_there(self, name: str) -> bool:
        try:
            return self.place.size(name) is not None
        except CorruptDataError:
            return True

    def _sidecar_there(self) -> bytes | None:
        """Return what the shard's sidecar holds, None when there is none."""
        name = self.spec.sidecar_name
        try:
            return None if self.place.size(name) is None else self.place.read(name)
        except CorruptDataError:
            return b""
