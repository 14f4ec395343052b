"""The jobs on a Dask cluster make what they make on one machine, whoever dies meanwhile."""

from __future__ import annotations

import hashlib
import os
import signal
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from degrade.degradation import MEASURED
from degrade.images.image_io import quantise, write_png
from degrade.noise import NoiseSelection
from degrade.pool import DegradationPool
from pipelines import (
    BuildPairsConfig,
    EstimateKernelsConfig,
    ExtractNoiseConfig,
    build_pairs,
    estimate_kernels,
    extract_noise,
)
from pipelines.cli import main
from pipelines.executors import DaskExecutor, Executor, ProcessExecutor, WorkerDiedError
from tests.making import make_scene
from tests.pipelines.executors.dask_cluster import DaskCluster, worker_pids
from tests.pipelines.executors.tasks import WrappingExecutor, die_of_shard
from tests.pipelines.pairs.camera_pools import CAMERAS, fill

pytest.importorskip("distributed", reason="the Dask tests need: pip install 'degrade[dask]'")


def digests(out: Path) -> dict[str, str]:
    """Return name to hash of every file of a folder of pairs."""
    files = sorted(path for path in out.rglob("*") if path.is_file())
    # LMDB's readers write lock.mdb.
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.name != "lock.mdb"
    }


@pytest.fixture
def config(tmp_path: Path, pool: Path) -> BuildPairsConfig:
    """Return the settings of a run of six shards."""
    for index in range(6):
        scene = make_scene(f"s{index}", 300, 420)
        write_png(tmp_path / "photos" / f"{index}.png", quantise(scene))
    return BuildPairsConfig(
        pool=pool,
        out=tmp_path / "here",
        hr=(tmp_path / "photos",),
        scale=2,
        hr_size=64,
        shard_mib=1,
        seed=7,
    )


@pytest.mark.parametrize("format", ["hdf5", "lmdb"])
def test_build_pairs_gives_the_same_bytes(
    cluster: DaskCluster, config: BuildPairsConfig, format: str
) -> None:
    config = replace(config, format=format)  # type: ignore[arg-type]
    here = build_pairs(config)
    there = replace(config, out=Path(config.out).parent / "there")
    report = build_pairs(there, executor=DaskExecutor(cluster.address))
    assert report.done == here.done > 20
    assert digests(Path(there.out)) == digests(Path(config.out))
    assert len(list(Path(config.out).glob("shard-*.json"))) == 6


def test_build_pairs_of_the_camera_of_a_kernel_gives_the_same_bytes(
    cluster: DaskCluster, config: BuildPairsConfig
) -> None:
    pool = fill(Path(config.out).parent / "cameras", list(CAMERAS)).path
    config = replace(config, pool=pool, recipe=MEASURED)
    report = build_pairs(config)
    assert [fact for fact in report.facts if fact.kind == "by_camera"]
    there = replace(config, out=Path(config.out).parent / "there")
    build_pairs(there, executor=DaskExecutor(cluster.address))
    assert digests(Path(there.out)) == digests(Path(config.out))


def test_build_pairs_survives_a_killed_worker(
    cluster: DaskCluster, config: BuildPairsConfig
) -> None:
    build_pairs(config)
    killed: list[int] = []

    def kill(done: int, _total: int) -> None:
        if done == 1 and not killed:
            killed.append(worker_pids(cluster.address)[0])
            os.kill(killed[0], signal.SIGKILL)

    there = replace(config, out=Path(config.out).parent / "there")
    report = build_pairs(there, executor=DaskExecutor(cluster.address), on_progress=kill)
    assert killed and report.exit_code == 0
    assert build_pairs(there).done == 0  # and sweeps away what the dead worker had begun
    assert digests(Path(there.out)) == digests(Path(config.out))


@pytest.mark.parametrize("kind", ["processes", "dask"])
def test_build_pairs_is_complete_but_for_the_shard_that_kills(
    request: pytest.FixtureRequest, config: BuildPairsConfig, kind: str
) -> None:
    inner: Executor = ProcessExecutor(2)
    if kind == "dask":
        inner = DaskExecutor(request.getfixturevalue("cluster").address)
    executor = WrappingExecutor(inner, partial(die_of_shard, 1))
    with pytest.raises(WorkerDiedError, match=r"shard-00001.*want of memory"):
        build_pairs(config, executor=executor)
    out = Path(config.out)
    committed = {path.name for path in out.glob("shard-*.json")}
    assert "shard-00001.json" not in committed and not (out / "manifest.json").exists()
    assert len(committed) == 5
    # The shard is made where it does not kill; nothing else is made again.
    before = digests(out)
    report = build_pairs(config)
    after = digests(out)
    assert report.exit_code == 0
    assert {name: after[name] for name in committed} == {name: before[name] for name in committed}
    assert len(list(out.glob("shard-*.json"))) == len(committed) + 1


def test_estimate_kernels_gives_the_same_pool(
    cluster: DaskCluster, tmp_path: Path, scenes: Path
) -> None:
    here = EstimateKernelsConfig(
        sources=(scenes,), pool=tmp_path / "here", method="spectral", scale=2
    )
    there = replace(here, pool=tmp_path / "there")
    report = estimate_kernels(here)
    assert estimate_kernels(there, executor=DaskExecutor(cluster.address)).done == report.done
    assert report.done > 0
    assert digest_of(tmp_path / "there") == digest_of(tmp_path / "here")


def test_extract_noise_gives_the_same_pool(
    cluster: DaskCluster, tmp_path: Path, scenes: Path
) -> None:
    selection = NoiseSelection(patch_size=32, max_variance=1e4, min_roughness=0.0)
    here = ExtractNoiseConfig(sources=(scenes,), pool=tmp_path / "here", selection=selection)
    there = replace(here, pool=tmp_path / "there")
    report = extract_noise(here)
    assert extract_noise(there, executor=DaskExecutor(cluster.address)).done == report.done
    assert report.done > 0
    assert digest_of(tmp_path / "there") == digest_of(tmp_path / "here")


def digest_of(pool: Path) -> str:
    return DegradationPool.open(pool).digest(2)


def test_commands_take_a_cluster(
    cluster: DaskCluster, tmp_path: Path, scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = 120 + 3 * np.random.default_rng(0).standard_normal((96, 96, 3))
    write_png(scenes / "noisy.png", np.rint(levels).astype(np.uint8))
    monkeypatch.chdir(tmp_path)  # the workers are elsewhere
    dask = ("--backend", "dask", "--scheduler", cluster.address)
    for command in (
        ("estimate-kernels", scenes.name, "--scale", "2"),
        ("extract-noise", scenes.name, "--patch-size", "32", "--max-variance", "10000"),
        ("build-pairs", "--pool", "pool", "--hr", scenes.name, "--scale", "2", "--hr-size", "64"),
    ):
        result = CliRunner().invoke(main, [*command, *dask])
        assert result.exit_code == 0, result.output
    assert (tmp_path / "pairs" / "manifest.json").exists()
