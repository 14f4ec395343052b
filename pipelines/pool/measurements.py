"""All measurements: what ``build-pool`` asks of each photo. A new one is one row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.measuring.collector import Collector
from pipelines.measuring.estimate_kernels import EstimateKernelsConfig, kernel_collector
from pipelines.measuring.extract_noise import ExtractNoiseConfig
from pipelines.measuring.noise_patches import NoiseCollector

__all__ = ["MEASUREMENTS", "BuildPoolConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPoolConfig:
    """The settings of all measurements; the sources and the pool of both are the same."""

    kernels: EstimateKernelsConfig
    noise: ExtractNoiseConfig


MEASUREMENTS: dict[str, Callable[[BuildPoolConfig], Collector]] = {
    "noise": lambda config: NoiseCollector(config.noise.selection),
    "kernel": lambda config: kernel_collector(config.kernels),
}
"""By kind, in the order in which a photo is measured and a report tells of them.

A measurement with nothing to set is ``lambda _: Collector(ItsMeasurement())``.
"""
