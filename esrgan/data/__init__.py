"""Pairs and photos as training samples."""

from esrgan.data.dataset import (
    KernelSource,
    NoiseSource,
    PairDataset,
    SampleChance,
    to_float,
)
from esrgan.data.photo_dataset import PhotoDataset
from esrgan.data.reading_ahead import read_ahead
from esrgan.data.samples import PlannedBatch, Samples
from esrgan.data.step_sampler import SampleKey, StepSampler

__all__ = [
    "KernelSource",
    "NoiseSource",
    "PairDataset",
    "PhotoDataset",
    "PlannedBatch",
    "SampleChance",
    "SampleKey",
    "Samples",
    "StepSampler",
    "read_ahead",
    "to_float",
]
