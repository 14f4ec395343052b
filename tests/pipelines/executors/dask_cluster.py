"""A Dask cluster of real processes on this machine, and an end to every one of them."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[3]

_ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": str(ROOT),
    "OMP_NUM_THREADS": "1",
    # A task may take one worker along and be tried again; the default of 3 only takes longer.
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    "DASK_DISTRIBUTED__WORKER__MEMORY__REBALANCE__MEASURE": "managed",
}


class DaskCluster:
    """A scheduler and workers; ``with`` ends them, by their ids, whatever happens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = ""
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> DaskCluster:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            _kill(process)

    def start_scheduler(self) -> None:
        """Start a scheduler on a free port and wait until it listens."""
        # Should the tests themselves be killed, the scheduler ends, and with it the workers.
        options = ("--host", "127.0.0.1", "--port", "0", "--idle-timeout", "30 minutes")
        process, log = self._start("scheduler", *options)
        self.address = _wait_for(r"Scheduler at:\s+(tcp://\S+)", log, process)

    def signal_scheduler(self, signum: signal.Signals) -> None:
        """Send the scheduler a signal."""
        self._processes[0].send_signal(signum)

    def start_workers(self, *options: Sequence[str]) -> list[subprocess.Popen[bytes]]:
        """Start a worker of one thread, and its nanny, for each of ``options``."""
        started = [
            self._start(
                "worker",
                self.address,
                "--nthreads",
                "1",
                "--host",
                "127.0.0.1",
                "--local-directory",
                str(self.folder),
                *given,
            )
            for given in options
        ]
        for process, log in started:
            _wait_for(r"(Registered to)", log, process)
        return [process for process, _ in started]

    def _start(self, command: str, *arguments: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = self.folder / f"{command}-{len(self._processes)}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", command, *arguments, "--no-dashboard"],
                stdout=stream,
                stderr=stream,
                cwd=ROOT,
                env=_ENVIRONMENT,
                start_new_session=True,
            )
        self._processes.append(process)
        return process, log


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and those that it started: each has a group of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_for(pattern: str, log: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(2400):
        found = re.search(pattern, log.read_text())
        if found:
            return found[1]
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"no {pattern!r} in {log}: {log.read_text()}")


@contextlib.contextmanager
def running_cluster(*worker_options: Sequence[str]) -> Iterator[DaskCluster]:
    """Yield a cluster with one worker for each sequence of options."""
    with tempfile.TemporaryDirectory() as folder, DaskCluster(Path(folder)) as cluster:
        cluster.start_scheduler()
        cluster.start_workers(*worker_options)
        yield cluster


def wait_for_workers(address: str, count: int) -> None:
    """Wait until the scheduler has so many workers, and each of them answers."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=240)
        client.run(os.getpid, on_error="ignore")


def worker_pids(address: str) -> list[int]:
    """Return the ids of the processes that work, not of their nannies."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        return sorted(client.run(os.getpid).values())
