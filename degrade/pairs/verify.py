"""Checking a folder of pairs against everything that was recorded of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from degrade.errors import CorruptDataError, DegradeError, printable
from degrade.pairs.pair_records import FileRecord, PairsDigest
from degrade.pairs.shard_list import (
    SHARD_LIST_NAME,
    ShardEntry,
    check_together,
    read_shard_list,
)
from degrade.pairs.shards import check_file, read_sidecar, record_file, sidecar_indices
from degrade.pairs.sidecar import Sidecar
from degrade.pairs.stores.base import load_store
from degrade.places.place import Location, Place, place_at
from degrade.wording import counted

__all__ = ["VerifyResult", "verify_pairs"]


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What was found of one pair, or of a shard as a whole.

    Attributes
    ----------
    shard : str
        ``shard-00000``; or ``manifest.json``.
    row, key : int, str or None
        The pair; None when the result is not of a single pair.
    problem : str or None
        What is wrong and where, on one line; None when the pair is as it was written.
    """

    shard: str
    row: int | None
    key: str | None
    problem: str | None


def verify_pairs(where: Location) -> Iterator[VerifyResult]:
    """Read every byte of a folder and compare it with what was recorded when it was written.

    Parameters
    ----------
    where : Path, str or Place
        What ``degrade build-pairs`` made; of a URL one shard at a time is copied here.

    Yields
    ------
    VerifyResult
        One per pair, and one per problem that is not of a single pair.

    Raises
    ------
    DegradeError
        The folder cannot be read, the store does not answer, or there is nothing to verify.
    """
    place = place_at(where)
    indices = sidecar_indices(place)
    if not indices and SHARD_LIST_NAME not in place.names():
        raise DegradeError(f"{place.shown()}: holds no pairs, so there is nothing to verify")
    entries: dict[int, ShardEntry] | None = None
    try:
        entries = {entry.index: entry for entry in read_shard_list(place).shards}
    except CorruptDataError as error:
        yield VerifyResult(SHARD_LIST_NAME, None, None, str(error))
    heads = []
    for index in sorted({*indices, *(entries or {})}):
        try:
            sidecar = read_sidecar(place, index)
        except CorruptDataError as error:
            yield VerifyResult(f"shard-{index:05d}", None, None, str(error))
            continue
        heads.append(sidecar.head)
        yield from _verify_shard(place, sidecar)
        if entries is not None and entries.get(index) != ShardEntry.from_sidecar(sidecar):
            yield _of_shard(sidecar, f"{SHARD_LIST_NAME} does not list it, or lists another")
    try:
        check_together(place, heads)
    except CorruptDataError as error:
        yield VerifyResult(SHARD_LIST_NAME, None, None, str(error))


def _of_shard(sidecar: Sidecar, problem: str) -> VerifyResult:
    return VerifyResult(sidecar.name, None, None, problem)


def _verify_shard(place: Place, sidecar: Sidecar) -> Iterator[VerifyResult]:
    names = []
    for file in sidecar.files:
        try:
            check_file(place, file)
            names.append(file.name)
        except CorruptDataError as error:
            yield _of_shard(sidecar, str(error))
    with place.fetched(names) as folder:
        for result in _verify_files(folder, sidecar, names):
            # What was copied is named by where it is kept.
            shown = result.problem and result.problem.replace(printable(folder), place.shown())
            yield replace(result, problem=shown)


def _verify_files(folder: Path, sidecar: Sidecar, names: Sequence[str]) -> Iterator[VerifyResult]:
    for file in sidecar.files:
        problem = _file_problem(folder, file) if file.name in names else None
        if problem is not None:
            yield _of_shard(sidecar, problem)
    try:
        store = load_store(sidecar.format).open_store(folder, sidecar, "")
    except DegradeError as error:
        count = len(sidecar.records)
        yield _of_shard(sidecar, f"{error}; none of its {counted(count, 'pair')} can be read")
        return
    digest, is_sound = PairsDigest(), True
    with contextlib.closing(store):
        for record in sidecar.records:
            problem = None
            try:
                store.read(record)
                digest.update(record)
            except DegradeError as error:
                problem, is_sound = str(error), False
            yield VerifyResult(sidecar.name, record.row, record.key, problem)
    if is_sound and digest.hexdigest() != sidecar.digest:
        yield _of_shard(sidecar, "its pairs do not give the digest of the sidecar")


def _file_problem(folder: Path, file: FileRecord) -> str | None:
    """Return what is wrong with a data file as a whole, slack between the pairs included."""
    where = printable(folder / file.name)
    try:
        found = record_file(folder / file.name, file.name, by_sha256=file.sha256 is not None)
    except OSError as error:
        return f"{where}: cannot be read ({error.strerror})"
    kind = "crc32" if file.sha256 is None else "sha256"
    return None if found == file else f"{where}: its bytes are not those that were written ({kind})"
