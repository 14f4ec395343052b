"""How the pixels of a shard can be stored: one row each.

A new store is its module and a row in :data:`STORES`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["STORES", "StoreKind"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreKind:
    """One way to store the pixels of a shard.

    Attributes
    ----------
    name : str
        What ``degrade build-pairs --format`` takes and a sidecar says.
    words : str
        What it is, for people.
    module : str
        Has the functions of :class:`degrade.pairs.stores.base.Store`: a name, so that h5py and lmdb
        are imported only when their store is used.
    endings : tuple of str
        What follows a shard's name in those of its files or folders.
    parts : tuple of str
        The files in each of its folders; empty when it has no folders.
    smallest_shard : int
        Bytes of pixels; a small set is divided into shards down to this size, for every core to
        have several.
    """

    name: str
    words: str
    module: str
    endings: tuple[str, ...]
    parts: tuple[str, ...] = ()
    smallest_shard: int

    def entry_names(self, shard: str) -> tuple[str, ...]:
        """Return what a shard puts into its place besides the sidecar: files or folders."""
        return tuple(f"{shard}{ending}" for ending in self.endings)

    def file_names(self, shard: str) -> tuple[str, ...]:
        """Return a shard's data files, relative to its place."""
        entries = self.entry_names(shard)
        return tuple(f"{entry}/{part}" for entry in entries for part in self.parts) or entries


_LMDB = "degrade.pairs.stores.lmdb"
_LMDB_PARTS = ("data.mdb", "meta_info.txt")
_ROWS = (
    StoreKind(
        name="hdf5",
        words="plain bytes in one file",
        module="degrade.pairs.stores.hdf5",
        endings=(".h5",),
        smallest_shard=4 << 20,
    ),
    StoreKind(
        name="lmdb",
        words="PNG, as BasicSR and neosr read it",
        module=_LMDB,
        endings=("_HR.lmdb", "_LR.lmdb"),
        parts=_LMDB_PARTS,
        # Other trainers read one LMDB folder, so a small set should be one shard.
        smallest_shard=256 << 20,
    ),
    StoreKind(
        name="lmdb-raw",
        words="plain bytes in LMDB",
        module=_LMDB,
        endings=("_HR.lmdb-raw", "_LR.lmdb-raw"),
        parts=_LMDB_PARTS,
        smallest_shard=4 << 20,
    ),
)

STORES = {row.name: row for row in _ROWS}
"""All stores by name, in the order of the help."""
