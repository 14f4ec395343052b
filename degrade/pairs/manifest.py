"""``manifest.json``: the list of a folder's shards, written when a run has made them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from degrade.errors import CorruptDataError, DegradeError, printable
from degrade.files import write_atomically
from degrade.pairs.checked_json import Fields, check_format, encode_json, naming_file, read_json
from degrade.pairs.shards import read_sidecar, remove_unfinished, sidecar_indices
from degrade.pairs.sidecar import Sidecar
from degrade.pairs.stores import writing

__all__ = [
    "MANIFEST_NAME",
    "Manifest",
    "ShardEntry",
    "check_together",
    "read_manifest",
    "write_manifest",
]

MANIFEST_NAME = "manifest.json"
_FORMAT = "degrade-pairs"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class ShardEntry:
    """One shard as the manifest has it: its number, pairs, bytes of data, digest of the pixels."""

    index: int
    pairs: int
    bytes: int
    digest: str

    @classmethod
    def from_sidecar(cls, sidecar: Sidecar) -> ShardEntry:
        """Describe a shard."""
        return cls(sidecar.index, len(sidecar.records), sidecar.size, sidecar.digest)

    @classmethod
    def from_json(cls, data: Any) -> ShardEntry:
        """Rebuild an entry; CorruptDataError when it is none."""
        given = Fields(data, "a shard's entry")
        entry = cls(
            given.whole("index"), given.whole("pairs"), given.whole("bytes"), given.text("digest")
        )
        given.end()
        return entry


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a finished folder holds.

    Attributes
    ----------
    shards : tuple of ShardEntry
        By ascending index.
    run : dict
        The settings of the run, as they were given to :func:`write_manifest`.
    """

    shards: tuple[ShardEntry, ...]
    run: dict[str, Any]


def write_manifest(folder: Path, run: Mapping[str, Any]) -> None:
    """Write ``manifest.json`` from all sidecars of a folder; this ends a run.

    Parameters
    ----------
    folder : Path
    run : mapping
        The run's settings, of JSON's types; no times or machine names, so that the same run gives
        the same file.

    Raises
    ------
    DegradeError
        There is no shard, shards do not belong together, a sidecar is damaged, or the file cannot
        be written.
    """
    sidecars = [read_sidecar(folder, index) for index in sidecar_indices(folder)]
    if not sidecars:
        raise DegradeError(f"{printable(folder)}: holds no finished shard, so there is no manifest")
    check_together(folder, sidecars)
    entries = [ShardEntry.from_sidecar(sidecar) for sidecar in sidecars]
    content = encode_json(
        {
            "format": {"name": _FORMAT, "version": _VERSION},
            "pairs": sum(entry.pairs for entry in entries),
            "bytes": sum(entry.bytes for entry in entries),
            "run": dict(run),
            "shards": [asdict(entry) for entry in entries],
        }
    )
    with writing(folder / MANIFEST_NAME, len(content)):
        remove_unfinished(folder / MANIFEST_NAME)
    write_atomically(folder / MANIFEST_NAME, content)


def read_manifest(folder: Path) -> Manifest:
    """Read and check ``manifest.json``.

    Raises
    ------
    CorruptDataError
        It is missing, damaged, of another version, or contradicts itself.
    """
    given = read_json(folder, MANIFEST_NAME, "the manifest")
    with naming_file(folder / MANIFEST_NAME):
        check_format(given, _FORMAT, _VERSION)
        shards = tuple(ShardEntry.from_json(item) for item in given.list("shards"))
        pairs, size, run = given.whole("pairs"), given.whole("bytes"), given.take("run")
        given.end()
        indices = [entry.index for entry in shards]
        if not shards or indices != sorted(set(indices)):
            raise CorruptDataError("its shards are not in ascending order")
        if (pairs, size) != (sum(e.pairs for e in shards), sum(e.bytes for e in shards)):
            raise CorruptDataError("its totals are not the sums over its shards")
        if not isinstance(run, dict):
            raise CorruptDataError("'run' must be an object")
    return Manifest(shards, run)


def check_together(folder: Path, sidecars: Sequence[Sidecar]) -> None:
    """Refuse shards of different runs in one folder, and keys that two shards have.

    Raises
    ------
    CorruptDataError
        Names the first shard that does not fit.
    """
    seen: dict[str, str] = {}
    for sidecar in sidecars:
        where = printable(folder / sidecar.sidecar_name)
        for name in ("format", "scale", "hr_size", "config_hash"):
            first, this = getattr(sidecars[0], name), getattr(sidecar, name)
            if this != first:
                raise CorruptDataError(
                    f"{where}: has {name} {this}, {sidecars[0].name} has {first}: they are of "
                    "different runs; remove the shards of one"
                )
        for record in sidecar.records:
            other = seen.setdefault(record.key, sidecar.name)
            if other != sidecar.name:
                raise CorruptDataError(f"{where}: the key {record.key!r} is in {other} too")
