"""The jobs: each module has one public function and one frozen config.

The functions are loaded when first asked for, so that ``import pipelines`` costs nothing and the
workers of one job never import what only another needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.kernel_estimation import EstimateKernelsConfig as EstimateKernelsConfig
    from pipelines.kernel_estimation import run_kernel_estimation as run_kernel_estimation
    from pipelines.noise_extraction import ExtractNoiseConfig as ExtractNoiseConfig
    from pipelines.noise_extraction import run_noise_extraction as run_noise_extraction
    from pipelines.pair_building import BuildPairsConfig as BuildPairsConfig
    from pipelines.pair_building import build_pairs as build_pairs
    from pipelines.pool_building import BuildPoolConfig as BuildPoolConfig
    from pipelines.pool_building import run_pool_building as run_pool_building
    from pipelines.training import TrainRunConfig as TrainRunConfig
    from pipelines.training import run_training as run_training
    from pipelines.upscaling import UpscaleConfig as UpscaleConfig
    from pipelines.upscaling import run_upscaling as run_upscaling

_HOMES = {
    "BuildPairsConfig": "pipelines.pair_building",
    "BuildPoolConfig": "pipelines.pool_building",
    "EstimateKernelsConfig": "pipelines.kernel_estimation",
    "ExtractNoiseConfig": "pipelines.noise_extraction",
    "TrainRunConfig": "pipelines.training",
    "UpscaleConfig": "pipelines.upscaling",
    "build_pairs": "pipelines.pair_building",
    "run_kernel_estimation": "pipelines.kernel_estimation",
    "run_noise_extraction": "pipelines.noise_extraction",
    "run_pool_building": "pipelines.pool_building",
    "run_training": "pipelines.training",
    "run_upscaling": "pipelines.upscaling",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pipelines' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
