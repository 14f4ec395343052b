"""Pairs as training samples."""

from esrgan.data.dataset import (
    KernelSource,
    NoiseSource,
    PairDataset,
    SampleChance,
    SampleKey,
    StepSampler,
    to_float,
)

__all__ = [
    "KernelSource",
    "NoiseSource",
    "PairDataset",
    "SampleChance",
    "SampleKey",
    "StepSampler",
    "to_float",
]
