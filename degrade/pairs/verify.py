"""Checking a folder of pairs against everything that was recorded of it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from degrade.errors import DegradeError, printable
from degrade.pairs.manifest import MANIFEST_NAME, ShardEntry, check_together, read_manifest
from degrade.pairs.records import FileRecord, PairsDigest
from degrade.pairs.shards import check_file, read_sidecar, record_file, sidecar_indices
from degrade.pairs.sidecar import Sidecar
from degrade.pairs.stores import load_store

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


def verify_pairs(folder: Path) -> Iterator[VerifyResult]:
    """Read every byte of a folder and compare it with what was recorded when it was written.

    Parameters
    ----------
    folder : Path
        What ``degrade build-pairs`` made.

    Yields
    ------
    VerifyResult
        One per pair, and one per problem that is not of a single pair.

    Raises
    ------
    DegradeError
        The folder cannot be read, or holds nothing that can be verified.
    """
    indices = sidecar_indices(folder)
    if not indices and not (folder / MANIFEST_NAME).exists():
        raise DegradeError(f"{printable(folder)}: holds no pairs, so there is nothing to verify")
    entries: dict[int, ShardEntry] | None = None
    try:
        entries = {entry.index: entry for entry in read_manifest(folder).shards}
    except DegradeError as error:
        yield VerifyResult(MANIFEST_NAME, None, None, str(error))
    sidecars = []
    for index in sorted({*indices, *(entries or {})}):
        try:
            sidecar = read_sidecar(folder, index)
        except DegradeError as error:
            yield VerifyResult(f"shard-{index:05d}", None, None, str(error))
            continue
        sidecars.append(sidecar)
        yield from _verify_shard(folder, sidecar)
        if entries is not None and entries.get(index) != ShardEntry.from_sidecar(sidecar):
            yield _of_shard(sidecar, f"{MANIFEST_NAME} does not list it, or lists another")
    try:
        check_together(folder, sidecars)
    except DegradeError as error:
        yield VerifyResult(MANIFEST_NAME, None, None, str(error))


def _of_shard(sidecar: Sidecar, problem: str) -> VerifyResult:
    return VerifyResult(sidecar.name, None, None, problem)


def _verify_shard(folder: Path, sidecar: Sidecar) -> Iterator[VerifyResult]:
    for file in sidecar.files:
        problem = _file_problem(folder, file)
        if problem is not None:
            yield _of_shard(sidecar, problem)
    try:
        store = load_store(sidecar.format).open_store(folder, sidecar, "")
    except DegradeError as error:
        count = len(sidecar.records)
        yield _of_shard(sidecar, f"{error}; none of its {count} pairs can be read")
        return
    digest, is_sound = PairsDigest(), True
    with contextlib.closing(store):
        for record in sidecar.records:
            problem = None
            try:
                digest.update(record.key, *store.read(record))
            except DegradeError as error:
                problem, is_sound = str(error), False
            yield VerifyResult(sidecar.name, record.row, record.key, problem)
    if is_sound and digest.hexdigest() != sidecar.digest:
        yield _of_shard(sidecar, "its pairs do not give the digest of the sidecar")


def _file_problem(folder: Path, file: FileRecord) -> str | None:
    """Return what is wrong with a data file as a whole, slack between the pairs included."""
    where = printable(folder / file.name)
    try:
        check_file(folder, file)
        found = record_file(folder / file.name, file.name)
    except DegradeError as error:
        return str(error)
    except OSError as error:
        return f"{where}: cannot be read ({error.strerror})"
    return None if found == file else f"{where}: its bytes are not those that were written (sha256)"
