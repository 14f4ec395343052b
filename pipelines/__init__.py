"""The jobs: each module has one public function and one frozen config.

The functions are loaded when first asked for, so that ``import pipelines`` costs nothing and the
workers of one job never import what only another needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.demo import DemoConfig as DemoConfig
    from pipelines.demo import run_demo as run_demo
    from pipelines.exports import ExportConfig as ExportConfig
    from pipelines.exports import export_pairs as export_pairs
    from pipelines.kernel_estimation import EstimateKernelsConfig as EstimateKernelsConfig
    from pipelines.kernel_estimation import run_kernel_estimation as run_kernel_estimation
    from pipelines.manifests import MakeManifestConfig as MakeManifestConfig
    from pipelines.manifests import check_manifest as check_manifest
    from pipelines.manifests import make_manifest as make_manifest
    from pipelines.manifests import split_manifest as split_manifest
    from pipelines.model_conversion import ConvertConfig as ConvertConfig
    from pipelines.model_conversion import convert_model as convert_model
    from pipelines.model_export import ExportModelConfig as ExportModelConfig
    from pipelines.model_export import export_model as export_model
    from pipelines.noise_extraction import ExtractNoiseConfig as ExtractNoiseConfig
    from pipelines.noise_extraction import run_noise_extraction as run_noise_extraction
    from pipelines.pair_building import BuildPairsConfig as BuildPairsConfig
    from pipelines.pair_building import build_pairs as build_pairs
    from pipelines.pair_checks import ReplayConfig as ReplayConfig
    from pipelines.pair_checks import replay_pair as replay_pair
    from pipelines.pair_checks import verify as verify
    from pipelines.pair_imports import ImportPairsConfig as ImportPairsConfig
    from pipelines.pair_imports import import_pairs as import_pairs
    from pipelines.pool_building import BuildPoolConfig as BuildPoolConfig
    from pipelines.pool_building import run_pool_building as run_pool_building
    from pipelines.pool_imports import ImportKernelsConfig as ImportKernelsConfig
    from pipelines.pool_imports import ImportNoiseConfig as ImportNoiseConfig
    from pipelines.pool_imports import import_kernels as import_kernels
    from pipelines.pool_imports import import_noise as import_noise
    from pipelines.pool_inspection import inspect_pool as inspect_pool
    from pipelines.pool_pictures import draw_pool_sheet as draw_pool_sheet
    from pipelines.training import TrainRunConfig as TrainRunConfig
    from pipelines.training import run_training as run_training
    from pipelines.upscaling import UpscaleConfig as UpscaleConfig
    from pipelines.upscaling import run_upscaling as run_upscaling

_HOMES = {
    "BuildPairsConfig": "pipelines.pair_building",
    "BuildPoolConfig": "pipelines.pool_building",
    "ConvertConfig": "pipelines.model_conversion",
    "DemoConfig": "pipelines.demo",
    "EstimateKernelsConfig": "pipelines.kernel_estimation",
    "ExportConfig": "pipelines.exports",
    "ExportModelConfig": "pipelines.model_export",
    "ExtractNoiseConfig": "pipelines.noise_extraction",
    "ImportKernelsConfig": "pipelines.pool_imports",
    "ImportNoiseConfig": "pipelines.pool_imports",
    "ImportPairsConfig": "pipelines.pair_imports",
    "MakeManifestConfig": "pipelines.manifests",
    "ReplayConfig": "pipelines.pair_checks",
    "TrainRunConfig": "pipelines.training",
    "UpscaleConfig": "pipelines.upscaling",
    "build_pairs": "pipelines.pair_building",
    "check_manifest": "pipelines.manifests",
    "convert_model": "pipelines.model_conversion",
    "draw_pool_sheet": "pipelines.pool_pictures",
    "export_model": "pipelines.model_export",
    "export_pairs": "pipelines.exports",
    "import_kernels": "pipelines.pool_imports",
    "import_noise": "pipelines.pool_imports",
    "import_pairs": "pipelines.pair_imports",
    "inspect_pool": "pipelines.pool_inspection",
    "make_manifest": "pipelines.manifests",
    "replay_pair": "pipelines.pair_checks",
    "run_demo": "pipelines.demo",
    "run_kernel_estimation": "pipelines.kernel_estimation",
    "run_noise_extraction": "pipelines.noise_extraction",
    "run_pool_building": "pipelines.pool_building",
    "run_training": "pipelines.training",
    "run_upscaling": "pipelines.upscaling",
    "split_manifest": "pipelines.manifests",
    "verify": "pipelines.pair_checks",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'pipelines' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
