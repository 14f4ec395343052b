"""Executors of each kind; the Dask cluster is started once, when first asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipelines.executors import DaskExecutor, Executor, InProcessExecutor, ProcessExecutor
from tests.pipelines.executors.dask_cluster import (
    DaskCluster,
    running_cluster,
    wait_for_workers,
)


@pytest.fixture(scope="session")
def shared_cluster() -> Iterator[DaskCluster]:
    """Yield a scheduler with two worker processes."""
    pytest.importorskip("distributed", reason="the Dask tests need: pip install 'degrade[dask]'")
    with running_cluster((), ()) as running:
        yield running


@pytest.fixture
def cluster(shared_cluster: DaskCluster) -> DaskCluster:
    """Return that cluster when both workers are there: the test before may have killed one."""
    wait_for_workers(shared_cluster.address, 2)
    return shared_cluster


def _executor(kind: str, request: pytest.FixtureRequest) -> Executor:
    if kind == "in process":
        return InProcessExecutor()
    if kind == "processes":
        return ProcessExecutor(2)
    return DaskExecutor(request.getfixturevalue("cluster").address, patience=240)


@pytest.fixture(params=["in process", "processes", "dask"])
def executor(request: pytest.FixtureRequest) -> Executor:
    """Return an executor of each kind."""
    return _executor(request.param, request)


@pytest.fixture(params=["processes", "dask"])
def mortal_executor(request: pytest.FixtureRequest) -> Executor:
    """Return an executor of each kind whose workers may die."""
    return _executor(request.param, request)
