"""Estimating kernels as a job: into the pool and into files, skipping, rejecting, stopping."""

from __future__ import annotations

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import loadmat

from degrade.errors import DegradeError, InvalidValueError
from degrade.image_io import write_png
from degrade.kernels import centre_of_mass
from degrade.pool import DegradationPool
from kernelgan import KernelGANConfig
from pipelines import EstimateKernelsConfig, run_kernel_estimation
from pipelines.executors import ProcessExecutor
from pipelines.interrupts import Interrupted


@pytest.fixture
def config(tmp_path: Path, scenes: Path) -> EstimateKernelsConfig:
    for path in sorted(scenes.iterdir())[3:]:
        path.unlink()
    method = KernelGANConfig(scale=2, iterations=3)
    return EstimateKernelsConfig(sources=(scenes,), pool=tmp_path / "pool2", kernelgan=method)


def kernels_of(path: Path | None) -> dict[str, bytes]:
    assert path is not None
    pool = DegradationPool.open(path)
    return {
        record.provenance.source_name: pool.read_kernel(record.id).weights.tobytes()
        for record in pool.kernels
    }


def test_run_kernel_estimation_gives_the_same_kernels_in_any_number_of_workers(
    tmp_path: Path, config: EstimateKernelsConfig
) -> None:
    report = run_kernel_estimation(config)
    assert report.done == 3 and report.exit_code == 0
    other = replace(config, pool=tmp_path / "pool3")
    run_kernel_estimation(other, executor=ProcessExecutor(2))
    assert kernels_of(config.pool) == kernels_of(other.pool)
    assert len(set(kernels_of(config.pool).values())) == 3


def test_run_kernel_estimation_skips_what_the_pool_has(
    scenes: Path, config: EstimateKernelsConfig
) -> None:
    run_kernel_estimation(config)
    again = run_kernel_estimation(config)
    assert (again.done, again.skipped) == (0, 3)
    reseeded = run_kernel_estimation(replace(config, seed=1))
    assert (reseeded.done, reseeded.skipped) == (3, 0)
    (scenes / "scene 0.png").rename(scenes / "renamed.png")
    assert run_kernel_estimation(config).skipped == 3


def test_run_kernel_estimation_writes_kernelgans_layout(
    tmp_path: Path, config: EstimateKernelsConfig
) -> None:
    config = replace(config, out_mat=tmp_path / "mat")
    run_kernel_estimation(config)
    path = tmp_path / "mat" / "scene 1" / "scene 1_kernel_x2.mat"
    kernel = loadmat(path)["Kernel"]
    assert kernel.shape[0] % 2 == 1 and abs(kernel.sum() - 1) < 1e-5
    assert np.abs(centre_of_mass(kernel) - kernel.shape[0] // 2 - 0.5).max() < 0.06
    path.unlink()
    assert run_kernel_estimation(config).skipped == 3
    assert path.exists(), "a kernel from the pool must reach the files too"


def test_run_kernel_estimation_names_files_alike_whoever_is_first(
    tmp_path: Path, scenes: Path, config: EstimateKernelsConfig
) -> None:
    (tmp_path / "b").mkdir()
    (scenes / "scene 1.png").rename(tmp_path / "b" / "scene 0.png")
    both = replace(config, sources=(scenes, tmp_path / "b"), out_mat=tmp_path / "mat")
    run_kernel_estimation(both)
    first = {path.name: path.read_bytes() for path in (tmp_path / "mat").rglob("*.mat")}
    assert len(first) == 3
    # Again with only one of the two in the pool.
    fresh = replace(both, pool=tmp_path / "pool3", out_mat=None, sources=(tmp_path / "b",))
    run_kernel_estimation(fresh)
    run_kernel_estimation(replace(both, pool=fresh.pool, out_mat=tmp_path / "again"))
    assert {path.name: path.read_bytes() for path in (tmp_path / "again").rglob("*.mat")} == first


def test_run_kernel_estimation_names_unsuitable_photos_and_goes_on(
    scenes: Path, config: EstimateKernelsConfig
) -> None:
    write_png(scenes / "flat.png", np.full((200, 200, 3), 90, np.uint8))
    write_png(scenes / "tiny.png", np.zeros((20, 20, 3), np.uint8))
    (scenes / "text.png").write_text("hello")
    report = run_kernel_estimation(config)
    assert report.done == 3 and report.exit_code == 3
    assert {Path(r.path).name for r in report.rejects} == {"flat.png", "tiny.png", "text.png"}
    assert all(reject.reason and reject.remedy for reject in report.rejects)


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_run_kernel_estimation_keeps_finished_kernels_when_stopped(
    config: EstimateKernelsConfig, signum: int
) -> None:
    def stop_after_two(done: int, _total: int) -> None:
        if done == 2:
            raise Interrupted(signum)

    report = run_kernel_estimation(config, on_progress=stop_after_two)
    assert report.exit_code == 128 + signum
    assert len(kernels_of(config.pool)) == 2
    rest = run_kernel_estimation(config)
    assert (rest.done, rest.skipped) == (1, 2)


def test_estimate_kernels_config_needs_a_place_for_the_kernels(scenes: Path) -> None:
    with pytest.raises(InvalidValueError, match="--out-mat"):
        EstimateKernelsConfig(sources=(scenes,))


def test_run_kernel_estimation_of_nothing_says_so(tmp_path: Path) -> None:
    config = EstimateKernelsConfig(sources=(tmp_path / "nowhere",), pool=tmp_path / "pool")
    with pytest.raises(DegradeError, match="nowhere: does not exist; check the path"):
        run_kernel_estimation(config)
