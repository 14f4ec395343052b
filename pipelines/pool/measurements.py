"""All measurements: what ``build-pool`` asks of each photo. A new one is one row here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degrade.errors import InvalidValueError, printable
from pipelines.measuring.cameras import CameraCollector
from pipelines.measuring.collector import Collector
from pipelines.measuring.estimate_kernels import EstimateKernelsConfig, kernel_collector
from pipelines.measuring.extract_noise import ExtractNoiseConfig
from pipelines.measuring.jpeg_history import JpegCollector
from pipelines.measuring.noise_patches import NoiseCollector
from pipelines.measuring.noise_statistics import NoiseModelCollector
from pipelines.measuring.photo_history import (
    CameraHistory,
    HistoryCollector,
    LevelHistory,
    ResamplingHistory,
    SharpeningHistory,
)

__all__ = ["MEASUREMENTS", "BuildPoolConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPoolConfig:
    """The settings of all measurements.

    Raises
    ------
    InvalidValueError
        The two are not of the same photos, pool and `max_pixels`.
    """

    kernels: EstimateKernelsConfig
    noise: ExtractNoiseConfig

    def __post_init__(self) -> None:
        for name in ("sources", "pool", "max_pixels"):
            kernels, noise = getattr(self.kernels, name), getattr(self.noise, name)
            if _resolved(kernels) != _resolved(noise):
                raise InvalidValueError(
                    f"kernels and noise must have the same `{name}`, "
                    f"got {_shown(kernels)} and {_shown(noise)}"
                )


def _resolved(value: Any) -> Any:
    """Return what two ways to write one place have in common."""
    if isinstance(value, tuple):
        return [path.resolve() for path in value]
    return value.resolve() if isinstance(value, Path) else value


def _shown(value: Any) -> str:
    return printable(", ".join(map(str, value)) if isinstance(value, tuple) else str(value))


MEASUREMENTS: dict[str, Callable[[BuildPoolConfig], Collector]] = {
    "noise": lambda config: NoiseCollector(
        config.noise.selection, min_confidence=config.noise.min_confidence
    ),
    "kernel": lambda config: kernel_collector(config.kernels),
    "jpeg": lambda _: JpegCollector(),
    "noise-model": lambda _: NoiseModelCollector(),
    "camera": lambda config: CameraCollector(CameraHistory(config.kernels.camera)),
    "levels": lambda _: HistoryCollector(LevelHistory()),
    "resampling": lambda _: HistoryCollector(ResamplingHistory()),
    "sharpening": lambda _: HistoryCollector(SharpeningHistory()),
}
"""By kind, in the order in which a photo is measured and a report tells of them.

A measurement with nothing to set is ``lambda _: Collector(ItsMeasurement())``.
"""
