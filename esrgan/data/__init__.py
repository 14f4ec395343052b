"""Pairs as training samples."""

from esrgan.data.dataset import (
    KernelSource,
    NoiseSource,
    PairDataset,
    SampleChance,
    to_float,
)
from esrgan.data.reading_ahead import read_ahead
from esrgan.data.step_sampler import SampleKey, StepSampler

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
