"""Writing shards such that a kill at any moment leaves whole ones and nothing else that counts.

A shard is written under temporary names, closed, synced, read back and checked, renamed; then its
sidecar is written: the sidecar is the commit. What a killed run leaves has no sidecar, and the
next run writes over it.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from degrade.degradation import Pair
from degrade.errors import CorruptDataError, DegradeError, InvalidValueError, printable
from degrade.files import fsync_folder, resolve_inside, write_atomically
from degrade.pairs.records import FileRecord, PairRecord, PairsDigest, ShardSpec
from degrade.pairs.sidecar import Sidecar, is_source
from degrade.pairs.stores import STRUCTURE_BYTES, TEMPORARY, load_store, writing
from degrade.sources import Reject

__all__ = [
    "ShardWriter",
    "check_file",
    "check_sizes",
    "create_shard",
    "is_committed",
    "read_sidecar",
    "record_file",
    "remove_unfinished",
    "sidecar_indices",
]

_SIDECAR_NAME = re.compile(r"shard-(\d{5,9})\.json")


def create_shard(folder: Path, spec: ShardSpec) -> ShardWriter:
    """Begin a shard in ``folder``, which is made when missing.

    Use the result as a context manager: leaving it without a commit removes what was written. One
    process at a time may write a shard (hold ``degrade.files.folder_lock`` around a run).
    """
    return ShardWriter(folder, spec)


def read_sidecar(folder: Path, index: int) -> Sidecar:
    """Read and check the sidecar of a shard.

    Raises
    ------
    CorruptDataError
        It is missing, damaged, of another version, or contradicts itself.
    """
    return Sidecar.read(folder, index)


def is_committed(folder: Path, spec: ShardSpec) -> bool:
    """Return whether a shard is complete: a sound sidecar for ``spec`` and files of its sizes."""
    try:
        sidecar = read_sidecar(folder, spec.index)
        check_sizes(folder, sidecar)
    except DegradeError:
        return False
    return sidecar.spec == spec


def sidecar_indices(folder: Path) -> list[int]:
    """Return the numbers of the shards that have a sidecar, ascending.

    Raises
    ------
    DegradeError
        The folder cannot be read.
    """
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError as error:
        raise DegradeError(f"{printable(folder)}: cannot be read ({error.strerror})") from None
    found = (_SIDECAR_NAME.fullmatch(name) for name in names)
    # A longer name for the same number would be read as the shorter one.
    return sorted(
        int(match[1]) for match in found if match and match[0] == f"shard-{int(match[1]):05d}.json"
    )


def check_sizes(folder: Path, sidecar: Sidecar) -> None:
    """Check that a shard's files lie inside the folder and have the recorded sizes.

    Raises
    ------
    CorruptDataError
        The first file that is missing, no regular file, or of another size.
    DegradeError
        A file is a link that leads out of the folder.
    """
    for file in sidecar.files:
        check_file(folder, file)


def check_file(folder: Path, file: FileRecord) -> None:
    """Check one file as :func:`check_sizes` does all of a shard."""
    path = resolve_inside(folder, file.name)
    shown = printable(folder / file.name)
    if not path.is_file():
        raise CorruptDataError(f"{shown}: the file is missing")
    size = path.stat().st_size
    if size != file.size:
        raise CorruptDataError(f"{shown}: has {size} bytes, {file.size} were written")


def record_file(path: Path, name: str) -> FileRecord:
    """Measure and hash a file; ``name`` is what the record calls it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return FileRecord(name, path.stat().st_size, digest.hexdigest())


def remove_unfinished(path: Path) -> None:
    """Remove what a run left that was killed while ``write_atomically`` wrote ``path``."""
    for left in path.parent.glob(f"{path.name}.*{TEMPORARY}"):
        left.unlink(missing_ok=True)


class ShardWriter:
    """Writes one shard; made by :func:`create_shard`.

    Attributes
    ----------
    folder : Path
    spec : ShardSpec
    """

    def __init__(self, folder: Path, spec: ShardSpec) -> None:
        self.folder = folder
        self.spec = spec
        self._records: list[PairRecord] = []
        self._digest = PairsDigest()
        self._is_committed = False
        with writing(folder, STRUCTURE_BYTES):
            folder.mkdir(parents=True, exist_ok=True)
            self._remove(TEMPORARY)
            remove_unfinished(folder / spec.sidecar_name)
        try:
            self._store = load_store(spec.format).create_store(folder, spec)
        except BaseException:
            with contextlib.suppress(OSError):
                self._remove(TEMPORARY)
            raise

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._is_committed:
            self._store.discard()
            with contextlib.suppress(OSError):
                self._remove(TEMPORARY)

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
        self._require_space(pair.lr_u8.nbytes + pair.hr_u8.nbytes)
        self._store.append(record, pair.lr_u8, pair.hr_u8)
        self._records.append(record)
        self._digest.update(pair.key, pair.lr_u8, pair.hr_u8)

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
        with writing(self.folder / self.spec.name, STRUCTURE_BYTES):
            files = tuple(self._record_temporary(name) for name in self.spec.file_names)
        sidecar = Sidecar(
            index=self.spec.index, format=self.spec.format, scale=self.spec.scale,
            hr_size=self.spec.hr_size, config_hash=self.spec.config_hash,
            records=tuple(self._records), sources=tuple(dict(source) for source in sources),
            rejects=tuple(rejects), digest=self._digest.hexdigest(), files=files,
        )  # fmt: skip
        content = sidecar.encode()
        self._check(sidecar)
        self._publish(content)
        self._is_committed = True
        return sidecar

    def _record_temporary(self, name: str) -> FileRecord:
        entry, *rest = name.split("/")
        return record_file(self.folder.joinpath(f"{entry}{TEMPORARY}", *rest), name)

    def _check(self, sidecar: Sidecar) -> None:
        """Read everything back: a disk that was full may have kept less than it accepted."""
        store = load_store(self.spec.format).open_store(self.folder, sidecar, TEMPORARY)
        with contextlib.closing(store):
            for record in sidecar.records:
                store.read(record)

    def _publish(self, content: bytes) -> None:
        path = self.folder / self.spec.sidecar_name
        with writing(path, len(content)):
            # An older sidecar must not vouch for the new files, even for a moment.
            path.unlink(missing_ok=True)
            fsync_folder(self.folder)
        try:
            with writing(path, len(content)):
                self._remove("")
                for name in self.spec.entry_names:
                    (self.folder / f"{name}{TEMPORARY}").rename(self.folder / name)
                fsync_folder(self.folder)
            write_atomically(path, content)
        except BaseException:
            # Files without a sidecar are of no use, and on a full disk their room is needed. The
            # sidecar itself is there when only making it durable failed.
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
                self._remove("")
            raise

    def _remove(self, suffix: str) -> None:
        """Remove the shard's files and folders whose names end in ``suffix``."""
        for name in self.spec.entry_names:
            path = self.folder / f"{name}{suffix}"
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def _require_space(self, size: int) -> None:
        """Refuse a pair that the disk has no room for, while the library is still sound.

        Libraries notice a full disk late: HDF5 at closing, when the file cannot be saved.
        """
        path = self.folder / self.spec.name
        with writing(path, size):
            free = shutil.disk_usage(self.folder).free
        if free < size + STRUCTURE_BYTES:
            raise DegradeError(
                f"{printable(path)}: the disk is full; {free} bytes are free, "
                f"{size + STRUCTURE_BYTES} are needed for the next pair: free some and run again"
            )
