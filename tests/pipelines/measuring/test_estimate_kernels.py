"""Estimating kernels as a job: into the pool and into files, skipping, rejecting, stopping."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat

from degrade.errors import DegradeError, InvalidValueError
from degrade.images.image_io import write_png
from degrade.kernels import centre_of_mass, gaussian_kernel
from degrade.kernels.metrics import kernel_psnr
from degrade.pool import DegradationPool
from kernelgan import KernelGANConfig
from pipelines import EstimateKernelsConfig, estimate_kernels
from pipelines.executors import InProcessExecutor, ProcessExecutor
from pipelines.shared.interrupts import Interrupted
from tests.pipelines.photographs import take_photo


@pytest.fixture
def config(tmp_path: Path, scenes: Path) -> EstimateKernelsConfig:
    for path in sorted(scenes.iterdir())[3:]:
        path.unlink()
    return EstimateKernelsConfig(sources=(scenes,), pool=tmp_path / "pool2", scale=2)


def with_kernelgan(config: EstimateKernelsConfig) -> EstimateKernelsConfig:
    return replace(config, method="kernelgan", kernelgan=KernelGANConfig(scale=2, iterations=3))


def kernels_of(path: Path | None) -> dict[str, bytes]:
    assert path is not None
    pool = DegradationPool.open(path)
    return {
        record.provenance.source_name: pool.read_kernel(record.id).weights.tobytes()
        for record in pool.kernels
    }


@pytest.mark.parametrize("method", ["spectral", "kernelgan"])
def test_run_kernel_estimation_gives_the_same_kernels_in_any_number_of_workers(
    tmp_path: Path, config: EstimateKernelsConfig, method: str
) -> None:
    config = config if method == "spectral" else with_kernelgan(config)
    report = estimate_kernels(config)
    assert report.done == 3 and report.exit_code == 0
    other = replace(config, pool=tmp_path / "pool3")
    estimate_kernels(other, executor=ProcessExecutor(2))
    assert kernels_of(config.pool) == kernels_of(other.pool)
    assert len(set(kernels_of(config.pool).values())) == 3
    pool = DegradationPool.open(tmp_path / "pool3")
    assert {record.provenance.method for record in pool.kernels} == {method}


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_run_kernel_estimation_finds_the_kernel_of_a_photo(tmp_path: Path, scale: int) -> None:
    write_png(tmp_path / "photo.png", take_photo("known", scale=scale, sigma=0.8, side=240))
    config = EstimateKernelsConfig(
        sources=(tmp_path / "photo.png",), pool=tmp_path / "pool", scale=scale
    )
    estimate_kernels(config)
    pool = DegradationPool.open(tmp_path / "pool")
    truth = gaussian_kernel(8 * scale + 1, scale, (0.8 * scale, 0.8 * scale))
    (record,) = pool.kernels
    assert kernel_psnr(pool.read_kernel(record.id).weights, truth.weights) > 40


def test_run_kernel_estimation_skips_what_the_pool_has(
    scenes: Path, config: EstimateKernelsConfig
) -> None:
    estimate_kernels(config)
    again = estimate_kernels(config)
    assert (again.done, again.skipped) == (0, 3)
    chosen = estimate_kernels(replace(config, method="spectral", seed=1))
    assert (chosen.done, chosen.skipped) == (0, 3), "auto is spectral, which draws nothing"
    (scenes / "scene 0.png").rename(scenes / "renamed.png")
    assert estimate_kernels(config).skipped == 3


def test_run_kernel_estimation_mends_a_damaged_kernel(config: EstimateKernelsConfig) -> None:
    estimate_kernels(config)
    assert config.pool is not None
    first, second, _ = sorted((config.pool / "kernels").iterdir())
    first.write_bytes(first.read_bytes()[:-4] + b"\x01\x02\x03\x04")
    second.unlink()
    again = estimate_kernels(config)
    assert again.skipped == 1 and len(DegradationPool.open(config.pool).kernels) == 3
    assert DegradationPool.open(config.pool).verify() == []


def test_run_kernel_estimation_by_kernelgan_tells_seeds_apart(
    config: EstimateKernelsConfig,
) -> None:
    estimate_kernels(config)
    config = with_kernelgan(config)
    for settings in (config, replace(config, seed=1)):
        report = estimate_kernels(settings)
        assert (report.done, report.skipped) == (3, 0)
    assert estimate_kernels(config).skipped == 3


def test_run_kernel_estimation_writes_kernelgans_layout(
    tmp_path: Path, config: EstimateKernelsConfig
) -> None:
    config = replace(config, out_mat=tmp_path / "mat")
    estimate_kernels(config)
    path = tmp_path / "mat" / "scene 1" / "scene 1_kernel_x2.mat"
    kernel = loadmat(path)["Kernel"]
    assert kernel.shape[0] % 2 == 1 and abs(kernel.sum() - 1) < 1e-5
    assert np.abs(centre_of_mass(kernel) - kernel.shape[0] // 2 - 0.5).max() < 0.06
    path.unlink()
    assert estimate_kernels(config).skipped == 3
    assert path.exists(), "a kernel from the pool must reach the files too"


def test_run_kernel_estimation_needs_no_pool(tmp_path: Path, config: EstimateKernelsConfig) -> None:
    report = estimate_kernels(replace(config, pool=None, out_mat=tmp_path / "mat"))
    assert report.done == len(list((tmp_path / "mat").rglob("*.mat"))) == 3


def test_run_kernel_estimation_names_files_alike_whoever_is_first(
    tmp_path: Path, scenes: Path, config: EstimateKernelsConfig
) -> None:
    (tmp_path / "b").mkdir()
    (scenes / "scene 1.png").rename(tmp_path / "b" / "scene 0.png")
    both = replace(config, sources=(scenes, tmp_path / "b"), out_mat=tmp_path / "mat")
    estimate_kernels(both)
    first = {path.name: path.read_bytes() for path in (tmp_path / "mat").rglob("*.mat")}
    assert len(first) == 3
    # Again with only one of the two in the pool.
    fresh = replace(both, pool=tmp_path / "pool3", out_mat=None, sources=(tmp_path / "b",))
    estimate_kernels(fresh)
    estimate_kernels(replace(both, pool=fresh.pool, out_mat=tmp_path / "again"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").rglob("*.mat")} == first


def test_run_kernel_estimation_gives_each_kernel_a_file_on_any_system(
    scenes: Path, config: EstimateKernelsConfig, tmp_path: Path
) -> None:
    names = ["\u00e9".ljust(240, "n") + ".png", "Scene 1.PNG", "SCENE 1.png"]
    for old, new in zip(sorted(scenes.iterdir()), names, strict=True):
        old.rename(scenes / new)
    assert estimate_kernels(replace(config, out_mat=tmp_path / "mat")).done == 3
    written = [path.name for path in (tmp_path / "mat").rglob("*.mat")]
    assert len({name.casefold() for name in written}) == 3
    assert all(len(name.encode()) < 230 for name in written)


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("method", ["spectral", "kernelgan"])
def test_run_kernel_estimation_names_unsuitable_photos_and_goes_on(
    scenes: Path, config: EstimateKernelsConfig, method: str, jobs: int
) -> None:
    config = config if method == "spectral" else with_kernelgan(config)
    write_png(scenes / "flat.png", np.full((200, 200, 3), 90, np.uint8))
    write_png(scenes / "small.png", take_photo("small", side=110)[:95])
    (scenes / "text.png").write_text("hello")
    executor = InProcessExecutor() if jobs == 1 else ProcessExecutor(jobs)
    report = estimate_kernels(config, executor=executor)
    assert report.done == 3 and report.exit_code == 3
    assert {Path(r.path).name for r in report.rejects} == {"flat.png", "small.png", "text.png"}
    assert all(reject.reason and reject.remedy for reject in report.rejects)


@pytest.mark.parametrize("scale", [2, 4])
def test_run_kernel_estimation_survives_test_patterns(tmp_path: Path, scale: int) -> None:
    rows, columns = np.mgrid[:120, :130]
    patterns = [rows % 2, columns % 2, (rows + columns) % 2, columns > 60, rows // 3 % 2]
    for index, pattern in enumerate(patterns):
        pixels = np.repeat((pattern * 255).astype(np.uint8)[..., None], 3, axis=2)
        write_png(tmp_path / "src" / f"pattern {index}.png", np.ascontiguousarray(pixels))
    write_png(tmp_path / "src" / "photo.png", take_photo("good"))
    config = EstimateKernelsConfig(sources=(tmp_path / "src",), pool=tmp_path / "pool", scale=scale)
    report = estimate_kernels(config)
    assert report.done + len(report.rejects) == len(patterns) + 1
    assert "photo.png" in kernels_of(config.pool)
    assert all(reject.reason and reject.remedy for reject in report.rejects)


def test_run_kernel_estimation_does_with_96_pixels(tmp_path: Path) -> None:
    write_png(tmp_path / "photo.png", take_photo("small", side=110)[:96, :96])
    config = EstimateKernelsConfig(
        sources=(tmp_path / "photo.png",), pool=tmp_path / "pool", scale=2
    )
    assert estimate_kernels(config).done == 1


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_run_kernel_estimation_keeps_finished_kernels_when_stopped(
    config: EstimateKernelsConfig, signum: int
) -> None:
    def stop_after_two(done: int, _total: int) -> None:
        if done == 2:
            raise Interrupted(signum)

    report = estimate_kernels(config, on_progress=stop_after_two)
    assert report.exit_code == 128 + signum
    assert len(kernels_of(config.pool)) == 2
    rest = estimate_kernels(config)
    assert (rest.done, rest.skipped) == (1, 2)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"pool": None}, "`out_mat`"),
        ({"method": "magic"}, "auto, spectral, kernelgan, got 'magic'"),
        ({"scale": 1}, r"scale must be a number from 1\.5"),
        ({"scale": 5, "method": "kernelgan"}, "2, 3 or 4 with method 'kernelgan', got 5"),
        ({"min_confidence": 1.5}, "between 0 and 1, got 1.5"),
        ({"min_confidence": float("nan")}, "between 0 and 1, got nan"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"device": "cuda"}, "need method 'kernelgan', got 'auto'"),
        ({"kernelgan": KernelGANConfig()}, "need method 'kernelgan', got 'auto'"),
        (
            {"method": "kernelgan", "kernelgan": KernelGANConfig(scale=3)},
            "that of kernelgan, 3, got 2",
        ),
    ],
)
def test_estimate_kernels_config_says_what_is_wrong(
    config: EstimateKernelsConfig, settings: dict[str, Any], text: str
) -> None:
    with pytest.raises(InvalidValueError, match=text):
        replace(config, **settings)


def test_run_kernel_estimation_of_nothing_says_so(tmp_path: Path) -> None:
    config = EstimateKernelsConfig(sources=(tmp_path / "nowhere",), pool=tmp_path / "pool")
    with pytest.raises(DegradeError, match="nowhere: does not exist; check the path"):
        estimate_kernels(config)
