"""Training pairs on disk: shards in HDF5 or LMDB, each with a sidecar that makes it count.

``create_shard`` writes, ``open_pairs`` reads, ``verify_pairs`` checks.
"""

from degrade.pairs.pair_records import FileRecord, PairRecord, ShardSpec
from degrade.pairs.reader import PairReader, open_pairs
from degrade.pairs.shard_list import write_shard_list
from degrade.pairs.shards import (
    ShardWriter,
    create_shard,
    find_committed,
    read_sidecar,
)
from degrade.pairs.sidecar import ShardHead, Sidecar
from degrade.pairs.store_kinds import STORES, StoreKind
from degrade.pairs.verify import VerifyResult, verify_pairs
from degrade.places.place import LocalPlace, Location, Place, place_at

__all__ = [
    "STORES",
    "FileRecord",
    "LocalPlace",
    "Location",
    "PairReader",
    "PairRecord",
    "Place",
    "ShardHead",
    "ShardSpec",
    "ShardWriter",
    "Sidecar",
    "StoreKind",
    "VerifyResult",
    "create_shard",
    "find_committed",
    "open_pairs",
    "place_at",
    "read_sidecar",
    "verify_pairs",
    "write_shard_list",
]
