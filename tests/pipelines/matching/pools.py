"""Pools that have measured photos as a test says."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from degrade.kernels import BlurKernel, repair_kernel
from degrade.pool import DegradationPool
from degrade.pool.findings import Findings
from degrade.pool.records import PhotoRecord, Provenance

__all__ = ["add_photo", "kernel_with_lobes"]


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


def kernel_with_lobes(seed: int) -> BlurKernel:
    """Return a kernel ×2 that has no centre with some gains, others with other seeds."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((17, 17)) - 8.5

    def bell(sigma: float, row: float, column: float) -> np.ndarray:
        weights = np.exp(-(np.square(rows - row) + np.square(columns - column)) / (2 * sigma**2))
        return weights / weights.sum()

    weights = bell(1.1, 0, 0)
    for _ in range(rng.integers(1, 4)):
        below = rng.uniform(-4, 4, 2)
        amount = rng.uniform(0.2, 1)
        above = bell(rng.uniform(0.7, 2), *rng.uniform(-6, 6, 2))
        weights = weights + amount * (above - bell(rng.uniform(0.7, 2), *below))
    return repair_kernel(weights, 2)[0]
