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

_HOMES = {
    "BuildPairsConfig": "pipelines.pair_building",
    "EstimateKernelsConfig": "pipelines.kernel_estimation",
    "ExtractNoiseConfig": "pipelines.noise_extraction",
    "build_pairs": "pipelines.pair_building",
    "run_kernel_estimation": "pipelines.kernel_estimation",
    "run_noise_extraction": "pipelines.noise_extraction",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pipelines' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
