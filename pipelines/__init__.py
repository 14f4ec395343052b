"""The jobs: each module has one public function and one frozen config.

The functions are loaded when first asked for, so that ``import pipelines`` costs nothing and the
workers of one job never import what only another needs.
"""

TYPE_CHECKING = False  # what typing has, without loading it
if TYPE_CHECKING:
    from pipelines.demo.run_demo import DemoConfig as DemoConfig
    from pipelines.demo.run_demo import run_demo as run_demo
    from pipelines.exports.export_pairs import ExportConfig as ExportConfig
    from pipelines.exports.export_pairs import export_pairs as export_pairs
    from pipelines.history.photo_history import HistoryConfig as HistoryConfig
    from pipelines.history.photo_history import photo_history as photo_history
    from pipelines.manifests.manifests import MakeManifestConfig as MakeManifestConfig
    from pipelines.manifests.manifests import check_manifest as check_manifest
    from pipelines.manifests.manifests import make_manifest as make_manifest
    from pipelines.manifests.manifests import split_manifest as split_manifest
    from pipelines.measuring.estimate_kernels import EstimateKernelsConfig as EstimateKernelsConfig
    from pipelines.measuring.estimate_kernels import estimate_kernels as estimate_kernels
    from pipelines.measuring.extract_noise import ExtractNoiseConfig as ExtractNoiseConfig
    from pipelines.measuring.extract_noise import extract_noise as extract_noise
    from pipelines.models.convert_model import ConvertConfig as ConvertConfig
    from pipelines.models.convert_model import convert_model as convert_model
    from pipelines.models.export_model import ExportModelConfig as ExportModelConfig
    from pipelines.models.export_model import export_model as export_model
    from pipelines.pairs.build_pairs import BuildPairsConfig as BuildPairsConfig
    from pipelines.pairs.build_pairs import build_pairs as build_pairs
    from pipelines.pairs.checks import ReplayConfig as ReplayConfig
    from pipelines.pairs.checks import replay_pair as replay_pair
    from pipelines.pairs.checks import verify as verify
    from pipelines.pairs.import_pairs import ImportPairsConfig as ImportPairsConfig
    from pipelines.pairs.import_pairs import import_pairs as import_pairs
    from pipelines.pool.build_pool import BuildPoolConfig as BuildPoolConfig
    from pipelines.pool.build_pool import build_pool as build_pool
    from pipelines.pool.imports import ImportKernelsConfig as ImportKernelsConfig
    from pipelines.pool.imports import ImportNoiseConfig as ImportNoiseConfig
    from pipelines.pool.imports import import_kernels as import_kernels
    from pipelines.pool.imports import import_noise as import_noise
    from pipelines.pool.inspect_pool import inspect_pool as inspect_pool
    from pipelines.training.train import TrainConfig as TrainConfig
    from pipelines.training.train import train as train
    from pipelines.upscaling.upscale import UpscaleConfig as UpscaleConfig
    from pipelines.upscaling.upscale import upscale as upscale
    from report.pool_sheet import draw_pool_sheet as draw_pool_sheet

_HOMES = {
    "BuildPairsConfig": "pipelines.pairs.build_pairs",
    "BuildPoolConfig": "pipelines.pool.build_pool",
    "ConvertConfig": "pipelines.models.convert_model",
    "DemoConfig": "pipelines.demo.run_demo",
    "EstimateKernelsConfig": "pipelines.measuring.estimate_kernels",
    "ExportConfig": "pipelines.exports.export_pairs",
    "ExportModelConfig": "pipelines.models.export_model",
    "ExtractNoiseConfig": "pipelines.measuring.extract_noise",
    "HistoryConfig": "pipelines.history.photo_history",
    "ImportKernelsConfig": "pipelines.pool.imports",
    "ImportNoiseConfig": "pipelines.pool.imports",
    "ImportPairsConfig": "pipelines.pairs.import_pairs",
    "MakeManifestConfig": "pipelines.manifests.manifests",
    "ReplayConfig": "pipelines.pairs.checks",
    "TrainConfig": "pipelines.training.train",
    "UpscaleConfig": "pipelines.upscaling.upscale",
    "build_pairs": "pipelines.pairs.build_pairs",
    "check_manifest": "pipelines.manifests.manifests",
    "convert_model": "pipelines.models.convert_model",
    "draw_pool_sheet": "report.pool_sheet",
    "export_model": "pipelines.models.export_model",
    "export_pairs": "pipelines.exports.export_pairs",
    "import_kernels": "pipelines.pool.imports",
    "import_noise": "pipelines.pool.imports",
    "import_pairs": "pipelines.pairs.import_pairs",
    "inspect_pool": "pipelines.pool.inspect_pool",
    "make_manifest": "pipelines.manifests.manifests",
    "photo_history": "pipelines.history.photo_history",
    "replay_pair": "pipelines.pairs.checks",
    "run_demo": "pipelines.demo.run_demo",
    "estimate_kernels": "pipelines.measuring.estimate_kernels",
    "extract_noise": "pipelines.measuring.extract_noise",
    "build_pool": "pipelines.pool.build_pool",
    "train": "pipelines.training.train",
    "upscale": "pipelines.upscaling.upscale",
    "split_manifest": "pipelines.manifests.manifests",
    "verify": "pipelines.pairs.checks",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'pipelines' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
