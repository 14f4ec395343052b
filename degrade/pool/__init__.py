"""The degradation pool: blur kernels and noise measured on real photos, kept on disk."""

from degrade.pool.folder import remove_if_unused
from degrade.pool.records import (
    KernelRecord,
    MeasurementRecord,
    NoiseRecord,
    PhotoRecord,
    Provenance,
)
from degrade.pool.store import DegradationPool, Findings, MergeReport

__all__ = [
    "DegradationPool",
    "Findings",
    "KernelRecord",
    "MeasurementRecord",
    "MergeReport",
    "NoiseRecord",
    "PhotoRecord",
    "Provenance",
    "remove_if_unused",
]
