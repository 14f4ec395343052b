"""Pairs and photos as training samples."""

from esrgan.data.aimed_samples import AimedSamples, Place
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
    "AimedSamples",
    "KernelSource",
    "NoiseSource",
    "PairDataset",
    "PhotoDataset",
    "Place",
    "PlannedBatch",
    "SampleChance",
    "SampleKey",
    "Samples",
    "StepSampler",
    "read_ahead",
    "to_float",
]
