"""``manifest.json``: the list of a folder's shards, written when a run has made them all."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from degrade.disk.structs import Text, Whole, read_struct
from degrade.errors import CorruptDataError, DegradeError, InvalidValueError
from degrade.pairs.shards import read_sidecar, sidecar_indices
from degrade.pairs.sidecar import ShardHead, Sidecar
from degrade.places.checked_json import (
    encode_json,
    is_checked_json,
    naming_file,
    read_json,
    take_format,
)
from degrade.places.place import Location, Place, place_at

__all__ = [
    "SHARD_LIST_NAME",
    "ShardEntry",
    "ShardList",
    "check_shard_list",
    "check_together",
    "read_shard_list",
    "write_shard_list",
]

SHARD_LIST_NAME = "manifest.json"
_FORMAT = "degrade-pairs"
_VERSION = 1


class ShardEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One shard as the manifest has it: its number, pairs, bytes of data, digest of the pixels."""

    index: Whole
    pairs: Whole
    bytes: Whole
    digest: Text

    @classmethod
    def from_head(cls, head: ShardHead) -> ShardEntry:
        """Describe a shard."""
        return cls(head.spec.index, head.pairs, sum(f.size for f in head.files), head.digest)

    @classmethod
    def from_sidecar(cls, sidecar: Sidecar) -> ShardEntry:
        """Describe a shard."""
        return cls.from_head(sidecar.head)


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``manifest.json`` as it is written."""

    pairs: Whole
    bytes: Whole
    run: dict[str, Any]
    shards: tuple[ShardEntry, ...]

    def __post_init__(self) -> None:
        indices = [entry.index for entry in self.shards]
        if not indices or indices != sorted(set(indices)):
            raise InvalidValueError("its shards are not in ascending order")
        totals = (sum(e.pairs for e in self.shards), sum(e.bytes for e in self.shards))
        if (self.pairs, self.bytes) != totals:
            raise InvalidValueError("its totals are not the sums over its shards")


@dataclass(frozen=True, slots=True)
class ShardList:
    """What a finished folder holds.

    Attributes
    ----------
    shards : tuple of ShardEntry
        By ascending index.
    run : dict
        The settings of the run, as they were given to :func:`write_shard_list`.
    """

    shards: tuple[ShardEntry, ...]
    run: dict[str, Any]


def write_shard_list(where: Location, run: Mapping[str, Any]) -> None:
    """Write ``manifest.json`` from all sidecars of a folder; this ends a run.

    Parameters
    ----------
    where : Path, str or Place
        A folder or a URL.
    run : mapping
        The run's settings, of JSON's types; no times or machine names, so that the same run gives
        the same file.

    Raises
    ------
    DegradeError
        There is no shard, shards do not belong together, a sidecar is damaged, or the file cannot
        be written.
    """
    place = place_at(where)
    check_shard_list(place)
    heads = [ShardHead.read(place, index) for index in sidecar_indices(place)]
    if not heads:
        raise DegradeError(f"{place.shown()}: holds no finished shard, so there is no manifest")
    check_together(place, heads)
    entries = [ShardEntry.from_head(head) for head in heads]
    content = encode_json(
        {
            "format": {"name": _FORMAT, "version": _VERSION},
            "pairs": sum(entry.pairs for entry in entries),
            "bytes": sum(entry.bytes for entry in entries),
            "run": dict(run),
            "shards": [msgspec.to_builtins(entry) for entry in entries],
        }
    )
    place.write(SHARD_LIST_NAME, content)


def check_shard_list(place: Place) -> None:
    """Refuse, DegradeError, to replace a ``manifest.json`` that no run has written."""
    if SHARD_LIST_NAME in place.names() and not is_checked_json(place, SHARD_LIST_NAME):
        raise DegradeError(
            f"{place.shown(SHARD_LIST_NAME)} is there and is no manifest of pairs, or damaged; "
            "move it away and run the same command again"
        )


def read_shard_list(where: Location) -> ShardList:
    """Read and check ``manifest.json``.

    Raises
    ------
    CorruptDataError
        It is missing, damaged, of another version, or contradicts itself.
    """
    place = place_at(where)
    content = read_json(place, SHARD_LIST_NAME)
    with naming_file(place.shown(SHARD_LIST_NAME)):
        take_format(content, _FORMAT, _VERSION)
        written = read_struct(content, _Written, "the manifest")
    return ShardList(written.shards, written.run)


def check_together(where: Location, heads: Sequence[ShardHead]) -> None:
    """Refuse shards of different runs in one folder, and keys that two shards have.

    Raises
    ------
    CorruptDataError
        Names the first shard that does not fit.
    """
    place = place_at(where)
    for head in heads:
        for name in ("format", "scale", "hr_size", "config_hash"):
            first, this = getattr(heads[0].spec, name), getattr(head.spec, name)
            if this != first:
                raise CorruptDataError(
                    f"{place.shown(head.spec.sidecar_name)}: has {name} {this}, "
                    f"{heads[0].spec.name} has {first}: they are of different runs; "
                    "remove the shards of one"
                )
    # Keys ascend within a shard, so two shards share one only where their ranges meet.
    ranges = sorted((head for head in heads if head.pairs), key=lambda head: head.first_key)
    if any(after.first_key <= before.last_key for before, after in itertools.pairwise(ranges)):
        _check_keys(place, sorted(head.spec.index for head in ranges))


def _check_keys(place: Place, indices: Sequence[int]) -> None:
    seen: dict[str, str] = {}
    for index in indices:
        sidecar = read_sidecar(place, index)
        for record in sidecar.records:
            other = seen.setdefault(record.key, sidecar.name)
            if other != sidecar.name:
                shown = place.shown(sidecar.sidecar_name)
                raise CorruptDataError(f"{shown}: the key {record.key!r} is in {other} too")
