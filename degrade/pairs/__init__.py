"""Training pairs on disk: shards in HDF5 or LMDB, each with a sidecar that makes it count.

``create_shard`` writes, ``open_pairs`` reads, ``verify_pairs`` checks.
"""

from degrade.pairs.manifest import write_manifest
from degrade.pairs.reader import PairReader, open_pairs
from degrade.pairs.records import FileRecord, Format, PairRecord, ShardSpec
from degrade.pairs.shards import ShardWriter, create_shard, is_committed, read_sidecar
from degrade.pairs.sidecar import Sidecar
from degrade.pairs.verify import VerifyResult, verify_pairs

__all__ = [
    "FileRecord",
    "Format",
    "PairReader",
    "PairRecord",
    "ShardSpec",
    "ShardWriter",
    "Sidecar",
    "VerifyResult",
    "create_shard",
    "is_committed",
    "open_pairs",
    "read_sidecar",
    "verify_pairs",
    "write_manifest",
]
