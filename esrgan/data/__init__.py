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
from esrgan.data.reading_ahead import read_ahead

__all__ = [
    "KernelSource",
    "NoiseSource",
    "PairDataset",
    "SampleChance",
    "SampleKey",
    "StepSampler",
    "read_ahead",
    "to_float",
]
