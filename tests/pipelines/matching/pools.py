"""Pools that have measured photos as a test says."""

from __future__ import annotations

import hashlib
from pathlib import Path

from degrade.kernels import BlurKernel
from degrade.pool import DegradationPool
from degrade.pool.findings import Findings
from degrade.pool.records import PhotoRecord, Provenance

__all__ = ["add_photo"]


def add_photo(
    pool: DegradationPool, path: Path, kernel: BlurKernel, found: Findings, *, side: int
) -> None:
    """Put a PNG of so many pixels a side into a pool, with a kernel and what was found in it."""
    data = path.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    pool.add_kernel(kernel, Provenance(path.name, digest, None, "import", {}, "test"))
    photo = PhotoRecord(
        name=path.name,
        sha256=digest,
        path=str(path),
        height=side,
        width=side,
        format="png",
        channels=3,
        bit_depth=8,
        orientation=1,
        bytes=len(data),
        modified=0,
    )
    pool.add_all_findings([(photo, found)])
