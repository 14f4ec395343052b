"""Training pairs on disk: shards in HDF5 or LMDB, each with a sidecar that makes it count.

``create_shard`` writes, ``open_pairs`` reads, ``verify_pairs`` checks. Each name is loaded when
first asked for, so that the help of a command, which lists the stores, needs no arrays.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from degrade.pairs.pair_records import FileRecord as FileRecord
    from degrade.pairs.pair_records import PairRecord as PairRecord
    from degrade.pairs.pair_records import ShardSpec as ShardSpec
    from degrade.pairs.reader import PairReader as PairReader
    from degrade.pairs.reader import open_pairs as open_pairs
    from degrade.pairs.shard_list import check_shard_list as check_shard_list
    from degrade.pairs.shard_list import write_shard_list as write_shard_list
    from degrade.pairs.shards import ShardWriter as ShardWriter
    from degrade.pairs.shards import create_shard as create_shard
    from degrade.pairs.shards import find_committed as find_committed
    from degrade.pairs.shards import read_sidecar as read_sidecar
    from degrade.pairs.sidecar import ShardHead as ShardHead
    from degrade.pairs.sidecar import Sidecar as Sidecar
    from degrade.pairs.store_kinds import STORES as STORES
    from degrade.pairs.store_kinds import StoreKind as StoreKind
    from degrade.pairs.verify import VerifyResult as VerifyResult
    from degrade.pairs.verify import verify_pairs as verify_pairs
    from degrade.places.local import LocalPlace as LocalPlace
    from degrade.places.place import Location as Location
    from degrade.places.place import Place as Place
    from degrade.places.place import place_at as place_at

_HOMES = {
    "FileRecord": "degrade.pairs.pair_records",
    "LocalPlace": "degrade.places.local",
    "Location": "degrade.places.place",
    "PairReader": "degrade.pairs.reader",
    "PairRecord": "degrade.pairs.pair_records",
    "Place": "degrade.places.place",
    "STORES": "degrade.pairs.store_kinds",
    "ShardHead": "degrade.pairs.sidecar",
    "ShardSpec": "degrade.pairs.pair_records",
    "ShardWriter": "degrade.pairs.shards",
    "Sidecar": "degrade.pairs.sidecar",
    "StoreKind": "degrade.pairs.store_kinds",
    "VerifyResult": "degrade.pairs.verify",
    "check_shard_list": "degrade.pairs.shard_list",
    "create_shard": "degrade.pairs.shards",
    "find_committed": "degrade.pairs.shards",
    "open_pairs": "degrade.pairs.reader",
    "place_at": "degrade.places.place",
    "read_sidecar": "degrade.pairs.shards",
    "verify_pairs": "degrade.pairs.verify",
    "write_shard_list": "degrade.pairs.shard_list",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
