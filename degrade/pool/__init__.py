"""The degradation pool: blur kernels and noise measured on real photos, kept on disk."""

from degrade.pool.records import (
    KernelRecord,
    NoiseRecord,
    Provenance,
    SearchRecord,
    SourceRecord,
)
from degrade.pool.store import DegradationPool, MergeReport

__all__ = [
    "DegradationPool",
    "KernelRecord",
    "MergeReport",
    "NoiseRecord",
    "Provenance",
    "SearchRecord",
    "SourceRecord",
]
