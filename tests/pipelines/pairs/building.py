"""A run of build-pairs to try things on, and what must be the same however it went."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pipelines import BuildPairsConfig

FORMATS = ("hdf5", "lmdb")


def digests(out: Path) -> dict[str, str]:
    """Return name to hash of everything that must be the same, however the run went."""
    files = sorted(path for path in out.rglob("*") if path.is_file())
    # lock.mdb belongs to LMDB's readers, run.json says where the photos were.
    kept = [path for path in files if path.name not in ("lock.mdb", ".lock", "run.json")]
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in kept
        if path.name != "manifest.json"
    }


def config_for(
    tmp_path: Path, scenes: Path, pool: Path, format: str = "hdf5", name: str = "pairs"
) -> BuildPairsConfig:
    assert format in ("hdf5", "lmdb")
    chosen: Literal["hdf5", "lmdb"] = "hdf5" if format == "hdf5" else "lmdb"
    return BuildPairsConfig(
        pool=pool,
        out=tmp_path / name,
        hr=(scenes,),
        format=chosen,
        scale=2,
        hr_size=64,
        shard_mib=1,
        seed=7,
    )
