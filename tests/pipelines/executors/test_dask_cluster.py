"""A real scheduler and real workers: what goes wrong is said in one line, and nothing hangs."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from degrade.errors import DegradeError, InputError, InvalidValueError, MissingDependencyError
from pipelines.executors import DaskExecutor
from pipelines.executors.dask_worker import describe_differences, paths_in
from tests.pipelines.executors.dask_cluster import DaskCluster, running_cluster, worker_pids
from tests.pipelines.executors.tasks import fail, read, sleep_a_little, square
from tests.ports import kept_port
from tests.torture.children import wait_until

distributed = pytest.importorskip(
    "distributed", reason="the Dask tests need: pip install 'degrade[dask]'"
)


@pytest.fixture
def own_cluster() -> Iterator[DaskCluster]:
    """Yield a scheduler alone, for a test that is hard on it."""
    with running_cluster() as running:
        yield running


def known_tasks(address: str) -> int:
    def count(dask_scheduler: Any) -> int:
        return len(dask_scheduler.tasks)

    with distributed.Client(address, set_as_default=False) as client:
        return int(client.run_on_scheduler(count))


def test_run_leaves_nothing_on_the_scheduler(cluster: DaskCluster) -> None:
    executor = DaskExecutor(cluster.address)
    assert len(list(executor.run(square, range(30)))) == 30
    # The scheduler hears of it from one connection, and is asked through another.
    assert wait_until(lambda: known_tasks(cluster.address) == 0)


def test_run_that_is_interrupted_cancels_what_waits(cluster: DaskCluster) -> None:
    with pytest.raises(KeyboardInterrupt):
        for _ in DaskExecutor(cluster.address).run(sleep_a_little, [0.3] * 1000):
            assert known_tasks(cluster.address) <= 6
            raise KeyboardInterrupt
    assert wait_until(lambda: known_tasks(cluster.address) == 0)


def test_run_survives_workers_that_are_killed_from_outside(cluster: DaskCluster) -> None:
    results = []
    for result in DaskExecutor(cluster.address).run(sleep_a_little, [0.02] * 60):
        results.append(result.get())
        if len(results) == 10:
            os.kill(results[-1], signal.SIGKILL)
    assert len(results) == 60 and results[9] not in results[20:]


def test_run_names_the_host_that_misses_a_file(cluster: DaskCluster, tmp_path: Path) -> None:
    (tmp_path / "here").write_bytes(b"content")
    tasks = [tmp_path / "here", tmp_path / "gone"]
    results = {r.index: r for r in DaskExecutor(cluster.address).run(read, tasks)}
    assert results[0].get() == b"content"
    host = socket.gethostname()
    with pytest.raises(InputError, match=f"gone: cannot be read on the worker {host}; every"):
        results[1].get()


def test_run_notes_the_host_of_an_error(cluster: DaskCluster) -> None:
    (result,) = DaskExecutor(cluster.address).run(fail, [1])
    assert result.error is not None
    assert result.error.__notes__ == [f"(on the worker {socket.gethostname()})"]


def test_run_refuses_relative_paths(cluster: DaskCluster) -> None:
    with pytest.raises(InvalidValueError, match=r"absolute paths, got 'photo\.png'"):
        list(DaskExecutor(cluster.address).run(read, [Path("photo.png")]))


@pytest.mark.parametrize("address", ["", "host", "host:80", "http://host:80", "tcp://host"])
def test_dask_executor_refuses_what_is_no_address(address: str) -> None:
    with pytest.raises(InvalidValueError, match=r"must be tcp://HOST:PORT, got"):
        DaskExecutor(address)


def test_dask_executor_refuses_to_have_no_patience() -> None:
    with pytest.raises(InvalidValueError, match="patience must be positive, got 0"):
        DaskExecutor("tcp://host:1", patience=0)


@pytest.mark.parametrize("is_listening", [True, False])
def test_run_without_a_scheduler_says_so(
    monkeypatch: pytest.MonkeyPatch, is_listening: bool
) -> None:
    monkeypatch.setattr("pipelines.executors.dask_client._CONNECT", 1.0)
    with kept_port() as port, socket.socket() as listener:
        if is_listening:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            listener.listen()
        with pytest.raises(DegradeError, match=f"no Dask scheduler answers at .*:{port}"):
            list(DaskExecutor(f"tcp://127.0.0.1:{port}").run(square, [1]))


def test_run_without_the_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'degrade\[dask\]'"):
        list(DaskExecutor("tcp://127.0.0.1:1").run(square, [1]))


def test_run_of_nothing_needs_no_scheduler() -> None:
    assert list(DaskExecutor("tcp://127.0.0.1:1").run(square, [])) == []


def test_run_gives_up_when_no_worker_comes(own_cluster: DaskCluster) -> None:
    said: list[str] = []
    executor = DaskExecutor(own_cluster.address, patience=1.0, on_wait=said.append)
    with pytest.raises(DegradeError, match=r"has had no worker for 1 s; start some \(dask worker"):
        list(executor.run(square, [1]))
    assert said == [f"no worker at {own_cluster.address}; waiting for one, at most 1 s"]


@pytest.mark.slow
def test_run_gives_up_when_every_worker_is_gone(own_cluster: DaskCluster) -> None:
    (nanny,) = own_cluster.start_workers(())
    results = DaskExecutor(own_cluster.address, patience=1.0).run(sleep_a_little, [0.05] * 1000)
    next(results)
    os.killpg(nanny.pid, signal.SIGKILL)
    with pytest.raises(DegradeError, match="has had no worker for 1 s"):
        list(results)


def test_run_ends_when_the_scheduler_is_gone(own_cluster: DaskCluster) -> None:
    own_cluster.start_workers(())
    results = DaskExecutor(own_cluster.address).run(sleep_a_little, [0.05] * 1000)
    next(results)
    own_cluster.signal_scheduler(signal.SIGKILL)
    started = time.monotonic()
    with pytest.raises(DegradeError, match=r"connection to the Dask scheduler at .* was lost"):
        list(results)
    assert time.monotonic() - started < 50  # before it is asked in vain


def test_run_ends_when_the_scheduler_is_frozen(
    own_cluster: DaskCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_cluster.start_workers(())
    results = DaskExecutor(own_cluster.address).run(sleep_a_little, [0.05] * 1000)
    next(results)
    # Not before: a worker that loads its libraries takes longer to answer.
    monkeypatch.setattr("pipelines.executors.dask_cluster._ANSWER", 1.0)
    own_cluster.signal_scheduler(signal.SIGSTOP)
    with pytest.raises(DegradeError, match=r"connection to the Dask scheduler at .* was lost"):
        list(results)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("preload", "text"),
    [
        ("import degrade; degrade.__version__ = '0.0.9'", r"has degrade 0\.0\.9 \(here "),
        ("import sys; sys.modules['pipelines'] = None", "cannot load degrade"),
    ],
)
def test_run_refuses_workers_that_differ(
    own_cluster: DaskCluster, tmp_path: Path, preload: str, text: str
) -> None:
    (tmp_path / "other.py").write_text(preload)
    own_cluster.start_workers(("--preload", str(tmp_path / "other.py")))
    with pytest.raises(DegradeError, match=f"worker tcp://.*{text}.*; install the same versions"):
        list(DaskExecutor(own_cluster.address).run(square, [1]))


@pytest.mark.slow
def test_run_refuses_a_worker_that_differs_and_comes_late(
    own_cluster: DaskCluster, tmp_path: Path
) -> None:
    (tmp_path / "other.py").write_text("import numpy; numpy.__version__ = '1.0'")
    own_cluster.start_workers(())
    results = DaskExecutor(own_cluster.address).run(sleep_a_little, [0.05] * 1000)
    next(results)
    own_cluster.start_workers(("--preload", str(tmp_path / "other.py")))
    with pytest.raises(DegradeError, match=r"worker on .* has numpy 1\.0 \(here "):
        list(results)


def test_run_refuses_workers_that_do_not_see_the_files(
    cluster: DaskCluster,
) -> None:
    # A worker's own /proc/self is not ours: a path that is here and not there.
    here = Path(f"/proc/self/task/{os.getpid()}")
    assert here.exists()
    with pytest.raises(DegradeError, match=r"worker tcp://.* does not see /proc/self/task"):
        list(DaskExecutor(cluster.address).run(read, [here]))


def test_paths_in_finds_the_paths_of_a_task_before_those_of_its_parts() -> None:
    inner = (Path("/b"), [Path("/c")], "no path", 3)
    assert paths_in((inner, Path("/a")), 9) == [Path("/a"), Path("/b"), Path("/c")]
    assert paths_in((inner, Path("/a")), 2) == [Path("/a"), Path("/b")]


def test_describe_differences_tells_both_sides() -> None:
    here = {"python": "3.11", "numpy": "2.4.0", "degrade": "0.1.0"}
    assert describe_differences(here, here) == ""
    there = {"python": "3.11", "numpy": "1.26.4"}
    text = "numpy 1.26.4 (here 2.4.0), degrade missing (here 0.1.0)"
    assert describe_differences(there, here) == text


def test_worker_pids_finds_two_workers(cluster: DaskCluster) -> None:
    pids = worker_pids(cluster.address)
    assert len(set(pids)) == 2 and os.getpid() not in pids
